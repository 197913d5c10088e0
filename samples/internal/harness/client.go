package harness

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Request is a request to a gateway, and who seems to send it.
type Request struct {
	Method string // GET
	URL    string
	Token  string            // bearer
	From   string            // X-Forwarded-For
	Fields map[string]string // Host is not among them
	Body   string
	// Source is the address that the connection comes from, Client the
	// certificate it shows.
	Source string
	Client *tls.Certificate
}

// Answer is what came back.
type Answer struct {
	Status int
	Code   int // of the fault in the body; 0 for none
	Fields http.Header
	Body   string
}

func (a Answer) String() string {
	return fmt.Sprintf("%d, code %d, %.300s", a.Status, a.Code, strings.TrimSpace(a.Body))
}

var faultCode = regexp.MustCompile(`^\{(?:"fault":\{)?"code":(\d+), `)

// Send sends a request on a connection of its own. The gateway's certificate,
// which it has made itself, is not verified.
func (r Request) Send(ctx context.Context) (Answer, error) {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	r.describe(req)
	resp, err := (&http.Client{Transport: r.transport()}).Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: resp.StatusCode, Fields: resp.Header, Body: string(body)}
	if m := faultCode.FindSubmatch(body); m != nil {
		a.Code, err = strconv.Atoi(string(m[1]))
	}
	return a, err
}

func (r Request) describe(req *http.Request) {
	if r.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.From != "" {
		req.Header.Set("X-Forwarded-For", r.From)
	}
	for name, value := range r.Fields {
		req.Header.Set(name, value)
	}
}

func (r Request) transport() *http.Transport {
	dialer := &net.Dialer{}
	if r.Source != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(r.Source)}
	}
	secure := &tls.Config{InsecureSkipVerify: true}
	if r.Client != nil {
		secure.Certificates = []tls.Certificate{*r.Client}
	}
	return &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: secure, DisableKeepAlives: true}
}

// UntilWindow is how long to wait until a window, aligned to UTC, has at least
// the given time left.
func UntilWindow(now time.Time, window, left time.Duration) time.Duration {
	rest := now.Truncate(window).Add(window).Sub(now)
	if rest >= left {
		return 0
	}
	return rest
}
