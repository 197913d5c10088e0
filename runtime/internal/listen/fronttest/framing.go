package fronttest

import "testing"

var framing = []behaviour{}
var streaming = []behaviour{}
var upgrading = []behaviour{}
var refusing = []behaviour{}

var _ testing.TB
