package diag

import (
	"errors"
	"strings"
	"testing"
)

func TestWriteShowsPlaceExcerptAndHint(t *testing.T) {
	var l List
	l.Add(Problem{File: "b.yaml", Line: 2, Col: 4, Msg: `tier "Glod" is not defined`, Hint: `did you mean "Gold"?`})
	l.Warnf("a.yaml", 1, 0, "no servers")
	l.Add(Problem{File: "b.yaml", Line: 1, Col: 1, Msg: "must be text", Private: true})
	l.Errorf("", 0, 0, "nothing to build")
	l.Sort()

	var out strings.Builder
	read := func(file string) ([]byte, error) {
		if file == "b.yaml" {
			return []byte("x:\n\t- Glod\r\n"), nil
		}
		return nil, errors.New("gone")
	}
	if err := Write(&out, l, read); err != nil {
		t.Fatal(err)
	}
	want := "nothing to build\n" +
		"a.yaml:1: warning: no servers\n" +
		"b.yaml:1:1: must be text\n" +
		"b.yaml:2:4: tier \"Glod\" is not defined\n" +
		"    \t- Glod\n" +
		"    \t  ^\n" +
		"    hint: did you mean \"Gold\"?\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestErrIsNilForWarningsAlone(t *testing.T) {
	var l List
	l.Warnf("a", 1, 1, "odd")
	if l.Err() != nil {
		t.Error("a warning became an error")
	}
	l.Errorf("a", 2, 1, "broken")
	if l.Err() == nil || l.Errors() != 1 {
		t.Errorf("Errors() = %d, Err() = %v", l.Errors(), l.Err())
	}
}

func TestSortDropsRepeats(t *testing.T) {
	var l List
	l.Errorf("a", 1, 1, "x")
	l.Errorf("a", 1, 1, "x")
	l.Sort()
	if len(l) != 1 {
		t.Errorf("kept %d", len(l))
	}
}

func TestNearest(t *testing.T) {
	known := []string{"x-wso2-basePath", "x-wso2-cors", "Gold", "Bronze"}
	for _, tc := range []struct{ word, want string }{
		{"x-wso2-basepath", "x-wso2-basePath"},
		{"Glod", "Gold"},
		{"Bronce", "Bronze"},
		{"Platinum", ""},
		{"x", ""},
	} {
		if got, _ := Nearest(tc.word, known); got != tc.want {
			t.Errorf("Nearest(%q) = %q, want %q", tc.word, got, tc.want)
		}
	}
}

func TestAPrivateLineIsNotShownForAnyProblem(t *testing.T) {
	var l List
	l.Add(Problem{File: "a.yaml", Line: 1, Col: 1, Msg: "one"})
	l.Add(Problem{File: "a.yaml", Line: 1, Col: 4, Msg: "two", Private: true})
	l.Add(Problem{File: "a.yaml", Line: 2, Col: 1, Msg: "three"})
	var out strings.Builder
	read := func(string) ([]byte, error) { return []byte("password: hunter2\nshown\n"), nil }
	if err := Write(&out, l, read); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "shown") {
		t.Errorf("got %s", out.String())
	}
}
