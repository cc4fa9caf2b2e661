package pipeline

// Plan is a checked graph, ready to run: every stage resolved, every edge fitting,
// conversions inserted. It is immutable and belongs to a definition, not to an
// instance.
type Plan struct {
	Def *Definition
	// Nodes are in topological order: a node comes after all that it reads from.
	Nodes []*Node
	// Notes say what will not work as one might think, without being wrong.
	Notes []Problem
}

// Node is a stage of a plan.
type Node struct {
	Name    string
	Use     string
	Factory Factory
	Config  any
	Edges   []Edge // what it reads, in order of declaration
	Restart Restart
	// Inserted nodes are conversions that the planner added; Why says what for.
	Inserted bool
	Why      string
}

// Edge is one connection, seen from its consumer.
type Edge struct {
	From, FromPort string // producing node and port
	Port           string // the consumer's input port
	// Origin is the declared stage that is read from, through whatever was inserted.
	Origin string
	Queue  Queue
}

// Problem is something wrong with a definition.
type Problem struct {
	// Stage is the stage's name, or "" for the pipeline as a whole.
	Stage string
	// Field leads to the place in the stage's declaration: "use", "from[1]",
	// "from[0].queue.overrun"; or in the pipeline's: "when".
	Field string
	// Message says what is wrong, Hint what to do.
	Message, Hint string
}
