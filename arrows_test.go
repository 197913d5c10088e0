package mgw_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The arrows between the rooms run one way. A folder may import what its rule
// names, below itself, and nothing else of this module; the first rule that
// fits a folder counts. Tests may import more.
var arrows = []struct {
	folder string
	may    []string
}{
	{"runtime/spec", nil},
	{"runtime/diag", nil},
	{"runtime/interceptor", nil},
	{"runtime/startup", nil},
	{"runtime/policy", []string{"runtime/spec", "runtime/diag"}},
	{"runtime/config", []string{"runtime/diag"}},

	// Leaves.
	{"runtime/internal/clock", nil},
	{"runtime/internal/limit", nil},
	{"runtime/internal/event", nil},
	{"runtime/internal/exchange", []string{"runtime/spec"}},
	{"runtime/internal/reply", []string{"runtime/internal/exchange"}},
	{"runtime/internal/jms/brokertest", nil},
	{"runtime/internal/lease/redistest", nil},
	{"runtime/internal/telemetry", []string{"runtime/spec", "runtime/internal/exchange", "runtime/internal/clock"}},

	{"runtime/internal/intercept", []string{
		"runtime/interceptor", "runtime/spec", "runtime/internal/exchange", "runtime/internal/reply",
	}},

	// Rooms: the leaves, never each other.
	{"runtime/internal", []string{
		"runtime/spec", "runtime/diag",
		"runtime/internal/clock", "runtime/internal/limit", "runtime/internal/event",
		"runtime/internal/exchange", "runtime/internal/reply", "runtime/internal/telemetry",
	}},
	{"runtime/gateway", []string{
		"runtime/spec", "runtime/diag", "runtime/policy", "runtime/config", "runtime/startup", "runtime/interceptor", "runtime/internal",
	}},
	{"runtime/trafficmanager", []string{
		"runtime/spec", "runtime/diag", "runtime/policy", "runtime/config", "runtime/startup", "runtime/internal",
	}},

	{"build/project", []string{"runtime/diag"}},
	{"build/openapi", []string{"build/project", "runtime/spec", "runtime/diag"}},
	{"build/interceptors", []string{"build/project", "runtime/diag"}},
	{"build/plan", []string{"build/openapi", "build/interceptors", "build/project", "runtime/spec", "runtime/policy", "runtime/diag"}},
	{"build/render", []string{"runtime/spec", "runtime/policy", "runtime/diag", "templates"}},
	{"build/compile", []string{"."}},
	{"build/pipeline", []string{"build", "runtime/spec", "runtime/policy", "runtime/config", "runtime/diag"}},

	{"init", []string{"templates", "runtime/diag"}},
	{"templates", nil},
	{"cmd/internal/cli", []string{"build/pipeline", "init/scaffold", "runtime/gateway", "runtime/spec", "runtime/diag"}},
	{"cmd/mgw", []string{"cmd/internal/cli"}},
	{"cmd/internal/launch", []string{"runtime/startup"}}, // never the runtime itself
	{"cmd/gateway", []string{"cmd/internal/launch"}},
	{"cmd/trafficmanager", []string{"runtime/trafficmanager"}},
	{"samples/interceptors/interceptors", []string{"runtime/interceptor"}}, // what a project is
	{"samples", []string{"samples"}},
}

// Whoever may import net/http: the reference front and backend, and rooms that
// are clients or servers of something beside the data path.
var mayHTTP = []string{
	"runtime/internal/listen", "runtime/internal/backend", // the data path
	"runtime/internal/auth",    // key servers, introspection
	"runtime/internal/traffic", // events to the traffic manager
	"runtime/gateway",          // the admin listener
	"runtime/trafficmanager",
}

func TestArrowsBetweenRooms(t *testing.T) {
	for folder, imports := range importsByFolder(t) {
		for _, imported := range imports {
			if imported == "net/http" && strings.HasPrefix(folder, "runtime/") && !slices.ContainsFunc(mayHTTP, within(folder)) {
				t.Errorf("%s imports net/http", folder)
			}
			target, ours := strings.CutPrefix(imported+"/", "mgw/")
			if target = path.Clean(target); ours && !allowed(folder, target) {
				t.Errorf("%s imports %s", folder, target)
			}
		}
	}
}

func allowed(folder, target string) bool {
	if within(target)(folder) {
		return true
	}
	for _, rule := range arrows {
		if within(folder)(rule.folder) {
			return slices.ContainsFunc(rule.may, within(target))
		}
	}
	return false
}

// within tells whether a folder is another or lies below it.
func within(folder string) func(parent string) bool {
	return func(parent string) bool {
		return folder == parent || strings.HasPrefix(folder, parent+"/")
	}
}

// importsByFolder reads the imports of the module's source, tests left out. It
// opens each file, so that the test's cached result ends when one changes.
func importsByFolder(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	root := os.DirFS(".")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "target" || strings.HasPrefix(entry.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[path.Dir(name)] = append(found[path.Dir(name)], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("found %d folders only", len(found))
	}
	return found
}
