package fronttest

import (
	"go/build"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// standard says which behaviours, or tests of other rooms, stand for each test
// of httputil.ReverseProxy: those are the least that a proxy must not forget.
var standard = map[string]string{
	"TestReverseProxy": "a request reaches the backend and its answer the client; fields of one connection stay on it; trailers of an answer go back, announced or not",
	"TestReverseProxyStripHeadersPresentInConnection":                 "fields of one connection stay on it",
	"TestReverseProxyStripEmptyConnection":                            "an empty Connection field takes nothing away",
	"TestXForwardedFor":                                               "who asks is said anew; a trusted proxy is believed",
	"TestReverseProxyRewriteStripsForwarded":                          "who asks is said anew",
	"TestReverseProxyQuery":                                           "the request target goes on byte by byte; the endpoint's path and query come first",
	"TestReverseProxyFlushInterval":                                   "chunks of an answer are passed on as they come; a known length is passed on as it comes too",
	"TestReverseProxyResponseControllerFlushInterval":                 "chunks of an answer are passed on as they come",
	"TestReverseProxyFlushIntervalHeaders":                            "an answer's head does not wait for its body",
	"TestSelectFlushInterval":                                         "an event stream may be silent; chunks of an answer are passed on as they come",
	"TestReverseProxyCancellation":                                    "a client that leaves cancels the backend's work; a client that leaves in the middle of its body cancels the backend's work",
	"TestNilBody":                                                     "no field is invented; HEAD and statuses without a body have none",
	"TestReverseProxy_NilBody":                                        "no field is invented",
	"TestUserAgentHeader":                                             "no field is invented",
	"TestReverseProxyGetPutBuffer":                                    "wire/TestKeptSlicesAreFoundByPoison; wire/TestServedRequestsAllocateNothing",
	"TestReverseProxy_Post":                                           "a body goes both ways; a large body neither grows nor shrinks",
	"TestReverseProxyErrorHandler":                                    "a dead backend is a 502 at once; an answer that is not HTTP is a 502",
	"TestReverseProxy_CopyBuffer":                                     "an answer that the backend cuts is cut for the client; an answer shorter than its head says is cut",
	"TestModifyResponseClosesBody":                                    "wire/TestStagesThatAnswerNothingOrPanicAreAnInternalError; wire/TestAnswersWithoutBody",
	"TestReverseProxy_PanicBodyError":                                 "an answer that the backend cuts is cut for the client",
	"TestReverseProxy_PanicClosesIncomingBody":                        "an answer may come before the request has ended; wire/TestUnreadBodiesAreSkippedOrEndTheConnection",
	"TestReverseProxyWebSocket":                                       "an upgraded connection carries bytes both ways; bytes that a client sends ahead are not lost",
	"TestReverseProxyWebSocketCancellation":                           "a client that leaves an upgraded connection ends it; listen/TestShutdownCutsTunnels",
	"TestReverseProxyWebSocketHalfTCP":                                "each side of an upgraded connection closes on its own",
	"TestReverseProxyUpgradeNoCloseWrite":                             "each side of an upgraded connection closes on its own; wire/TestConnectionsOverTLS",
	"TestReverseProxyHijackCopyError":                                 "a client that leaves an upgraded connection ends it",
	"TestUnannouncedTrailer":                                          "trailers of an answer go back, announced or not",
	"TestSetURL":                                                      "the endpoint's path and query come first",
	"TestSingleJoinSlash":                                             "the endpoint's path and query come first",
	"TestJoinURLPath":                                                 "the endpoint's path and query come first",
	"Test1xxHeadersNotModifiedAfterRoundTrip":                         "interim answers go back",
	"Test1xxResponses":                                                "interim answers go back; an HTTP/1.0 client gets no interim answer; wire/TestInterimAnswersReachOnlyThoseWhoKnowThem",
	"TestReverseProxyQueryParameterSmugglingDirectorDoesNotParseForm": "the request target goes on byte by byte",
	"TestReverseProxyQueryParameterSmugglingDirectorParsesForm":       "the request target goes on byte by byte; router/TestTheQueryTellsOperationsApart",
	"TestReverseProxyQueryParameterSmugglingRewrite":                  "the request target goes on byte by byte",
	"TestReverseProxyQueryParameterSmugglingRewritePreservesRawQuery": "the request target goes on byte by byte",
	"TestReverseProxyInvalidUpstream100ContinueDoNotHang":             "the backend's 100 is not passed on; a client that expects 100 gets it once and the backend none",
}

// ofItsAPI are tests of what a user of ReverseProxy writes in Go, which a
// gateway does not have.
var ofItsAPI = []string{
	"TestXForwardedFor_Omit", "TestReverseProxy_AllocatedHeader", "TestReverseProxyModifyResponse", "TestServeHTTPDeepCopy",
	"TestClonesRequestHeaders", "TestReverseProxyRewriteReplacesOut",
}

func TestWhatReverseProxyIsTestedForIsTestedHere(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(build.Default.GOROOT, "src/net/http/httputil/reverseproxy_test.go"))
	if err != nil {
		t.Skip("this Go comes without its tests: ", err)
	}
	for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllSubmatch(source, -1) {
		if name := string(m[1]); standard[name] == "" && !slices.Contains(ofItsAPI, name) {
			t.Errorf("nothing here stands for %s", name)
		}
	}
	for name, ours := range standard {
		for one := range strings.SplitSeq(ours, "; ") {
			if !exists(t, one) {
				t.Errorf("%s: there is no %q", name, one)
			}
		}
	}
}

// exists tells whether there is such a behaviour, or such a test in a room.
func exists(t *testing.T, name string) bool {
	room, test, _ := strings.Cut(name, "/")
	if !strings.HasPrefix(test, "Test") {
		return slices.ContainsFunc(behaviours(), func(b behaviour) bool { return b.name == name })
	}
	files, _ := filepath.Glob(filepath.Join("../..", room, "*_test.go"))
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), "func "+test+"(") {
			return true
		}
	}
	return false
}
