// Package stagetest is the conformance suite of stages, and the parts to test one
// with: a scripted source and a collecting sink.
//
// The first line of every stage's test is
//
//	stagetest.Run(t, Factory(…), stagetest.Options{…})
//
// which runs the stage in a real graph and checks what every stage owes the
// runtime: that it ends when its inputs end and when it is cancelled, with nothing
// left running; that it leaves borrowed units alone; that it survives a change of
// tracks; that its declaration is complete.
package stagetest
