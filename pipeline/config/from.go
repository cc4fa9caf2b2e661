package config

import (
	"reflect"
	"slices"
	"strings"

	"weir/pipeline"
	"weir/pipeline/ring"
)

// with decodes the settings of the i-th of a stage's types. Several types share
// them: each takes the keys that it knows.
func (s *stageDecoder) with(n *node, f *field, uses []string, i int) any {
	factory, ok := s.loader.Registry.Lookup(uses[i])
	if !ok {
		return nil
	}
	config := factory.Config()
	at := f.at
	if n != nil {
		at = f.value.field("with").at
	} else {
		n = &node{at: at}
	}
	s.decoder.decode(s.share(n, uses, i), at, reflect.ValueOf(config).Elem())
	s.validated(factory.Check(config), n, at)
	return config
}

// share is n with the keys that the i-th type is to decode: those that it knows,
// and for the first type those that none knows, so that they are reported once.
func (s *stageDecoder) share(n *node, uses []string, i int) *node {
	if len(uses) == 1 || n.kind != mappingKind {
		return n
	}
	knows := func(use, key string) bool {
		f, ok := s.loader.Registry.Lookup(use)
		return ok && slices.Contains(names(fieldsOf(reflect.TypeOf(f.Config()).Elem())), key)
	}
	mine := *n
	mine.fields = slices.DeleteFunc(slices.Clone(n.fields), func(f field) bool {
		known := slices.ContainsFunc(uses, func(use string) bool { return knows(use, f.key) })
		return known && !knows(uses[i], f.key) || !known && i > 0
	})
	return &mine
}

// from decodes what a stage reads from: one edge or a list of them.
func (s *stageDecoder) from(n *node, at place) []pipeline.From {
	if n.kind != listKind {
		return []pipeline.From{s.edge(n, at)}
	}
	if len(n.items) == 0 {
		s.problem(at, "name a stage, or remove `from`", "the list is empty")
	}
	var edges []pipeline.From
	for _, item := range n.items {
		edges = append(edges, s.edge(item, item.at))
	}
	return edges
}

// edge decodes "stage", "stage.port" or the long form.
func (s *stageDecoder) edge(n *node, at place) pipeline.From {
	if n.kind == mappingKind {
		before := len(s.problems)
		var long fromSection
		s.decoder.decode(n, at, reflect.ValueOf(&long).Elem())
		if long.Stage == "" && len(s.problems) == before {
			s.problem(at, "add stage: and a stage's name", "the edge does not say what it reads from")
		}
		policy, _ := ring.ParsePolicy(long.Queue.Overrun) // the decoder has checked the word
		return pipeline.From{
			Stage: long.Stage, Port: long.Port, To: long.To,
			Queue: pipeline.Queue{Overrun: policy, Hold: long.Queue.Hold, Bytes: int64(long.Queue.Bytes)},
		}
	}
	if n.kind == listKind || n.kind == nullKind {
		s.problem(at, "name a stage", "expected a stage's name, found %s", n.kind)
		return pipeline.From{}
	}
	var name string
	s.decoder.decode(n, at, reflect.ValueOf(&name).Elem())
	if len(name) > maxWord {
		s.problem(at, "name a stage", "no stage has a name of %d bytes", len(name))
		return pipeline.From{}
	}
	if _, ok := s.origins[name]; ok { // also cam.rtmp, a source of a list
		return pipeline.From{Stage: name}
	}
	stage, port := name, ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		stage, port = name[:dot], name[dot+1:]
	}
	return pipeline.From{Stage: stage, Port: port}
}
