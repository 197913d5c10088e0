package cli

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"
	"github.com/rogpeppe/go-internal/testscript"
)

// exitCode runs `code N PROGRAM ARGS...` and asks for exit code N.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if failed, ok := err.(*exec.ExitError); ok {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// serve starts a server for the rest of the script; $URL is its address, $TLS
// that of one with a certificate that nobody knows. Both answer with the files
// of the script's folder: to /private only with the field X-Key, to /named with
// a Content-Disposition.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(".")
	files := http.FileServer(http.Dir(dir))
	mux := http.NewServeMux()
	mux.Handle("/", files)
	mux.HandleFunc("/private/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "s3cret" || r.Header.Get("X-Other") != "a,b" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		http.StripPrefix("/private", files).ServeHTTP(w, r)
	})
	mux.HandleFunc("/named", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="../../../pets"`)
		fmt.Fprint(w, `{"openapi": "3.0.3"}`)
	})
	for _, name := range []string{"URL", "TLS"} {
		server := httptest.NewUnstartedServer(mux)
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		if name == "TLS" {
			server.TLS = &tls.Config{}
			server.StartTLS()
		} else {
			server.Start()
		}
		ts.Defer(server.Close)
		ts.Setenv(name, strings.TrimSuffix(server.URL, "/"))
	}
}

// showClaims runs `claims FILE PROJECT`: it checks the token in FILE against the
// project's certificate and prints its header, claims and life time.
func showClaims(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: claims file project")
	}
	text := strings.TrimSpace(ts.ReadFile(args[0]))
	key, err := jwt.ParseECPublicKeyFromPEM([]byte(ts.ReadFile(args[1] + "/conf/development-issuer.pem")))
	ts.Check(err)
	token, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return key, nil }, jwt.WithValidMethods([]string{"ES256"}))
	ts.Check(err)
	for _, part := range strings.Split(text, ".")[:2] {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		ts.Check(err)
		fmt.Fprintf(ts.Stdout(), "%s\n", decoded)
	}
	issued, _ := token.Claims.GetIssuedAt()
	expires, _ := token.Claims.GetExpirationTime()
	fmt.Fprintf(ts.Stdout(), "lifetime %d\n", int(expires.Sub(issued.Time).Seconds()))
}
