package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"mgw/samples/internal/harness"
)

func TestCrossingIsFromTheLastAllowedToTheLastGatewayThatRefuses(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	var second []sample
	for n := range rushLimit + 20 { // 20 too many
		second = append(second, sample{gateway: n % rushNodes, done: at(n / 10), status: 200})
	}
	for g := range rushNodes {
		second = append(second, sample{gateway: g, done: at(110 + g), status: 429}, sample{gateway: g, done: at(500), status: 429})
	}
	passed, delay, ok := crossing(second)
	if passed != rushLimit+20 || delay != 20*time.Millisecond || !ok {
		t.Errorf("%d passed, %v, %v", passed, delay, ok)
	}
	if _, _, ok := crossing(second[:rushLimit]); ok {
		t.Error("a second in which nothing was refused counts")
	}
}

func TestQuantilesAndHistogram(t *testing.T) {
	all := []int{3, 1, 2, 2}
	for q, want := range map[float64]int{0: 1, 0.5: 2, 0.99: 3, 1: 3} {
		if got := at(all, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	if got := histogram(all); got != " 1 (1) 2 (2) 3 (1)" {
		t.Error(got)
	}
	if got := at([]time.Duration(nil), 0.5); got != 0 {
		t.Error(got)
	}
}

func TestALoadKeepsItsRateAndSeesStatuses(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, "body")
	}))
	defer server.Close()
	all, err := offer(t.Context(), []*harness.Gateway{{HTTP: server.URL}}, "/", "t", 200, 500*time.Millisecond)
	if err != nil || len(all) != 100 || allAre(all, 200) != nil {
		t.Fatalf("%d requests, %v, %v", len(all), err, allAre(all, 200))
	}
	if rate := achieved(all); rate < 100 || rate > 250 {
		t.Errorf("%.0f a second", rate)
	}
}

func TestANetworkFailsOnDemand(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer server.Close()
	p, err := newProxy(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.end()
	ask := func() error {
		conn, err := net.Dial("tcp", p.address())
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			return err
		}
		_, err = io.ReadFull(conn, make([]byte, 100))
		return err
	}
	for _, tc := range []struct {
		mode  int32
		works bool
	}{{passes, true}, {slow, true}, {hangs, false}, {cuts, false}, {truncate, false}, {passes, true}} {
		p.become(tc.mode)
		if err := ask(); (err == nil) != tc.works {
			t.Errorf("mode %d: %v", tc.mode, err)
		}
	}
}
