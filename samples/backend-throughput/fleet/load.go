package fleet

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mgw/samples/internal/harness"
)

// Plan says when each gateway gets its requests, counted from the begin.
type Plan [][]time.Duration

// NewPlan makes a plan of what each gateway is to get in a second, at each
// moment.
func NewPlan(gateways int, length time.Duration, rate func(gateway int, at time.Duration) float64) Plan {
	const step = time.Millisecond
	plan := make(Plan, gateways)
	for i := range plan {
		due := float64(i) / float64(gateways) // not all at the same moment
		for at := time.Duration(0); at < length; at += step {
			for due += rate(i, at) * step.Seconds(); due >= 1; due-- {
				plan[i] = append(plan[i], at)
			}
		}
	}
	return plan
}

// Shot is one request and what came of it.
type Shot struct {
	Gateway    int
	Sent, Done time.Time
	Status     int
}

// linesEach is how many connections a gateway gets: so many requests may be
// under way there.
const linesEach = 16

// Offer sends requests as planned, whether or not earlier ones were answered as
// long as a connection is free. An empty token is none.
func Offer(ctx context.Context, gateways []*harness.Gateway, path, token string, plan Plan) ([]Shot, error) {
	var lines []*line
	defer func() {
		for _, l := range lines {
			l.conn.Close()
		}
	}()
	for i := range linesEach * len(gateways) {
		l, err := open(ctx, gateways[i%len(gateways)].HTTP, path, token)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	next := make([]atomic.Int64, len(gateways))
	shots, errs := make([][]Shot, len(lines)), make([]error, len(lines))
	start := time.Now().Add(10 * time.Millisecond)
	var group sync.WaitGroup
	for i, l := range lines {
		group.Go(func() {
			g := i % len(gateways)
			for ctx.Err() == nil {
				n := int(next[g].Add(1)) - 1
				if n >= len(plan[g]) {
					return
				}
				time.Sleep(time.Until(start.Add(plan[g][n])))
				s := Shot{Gateway: g, Sent: time.Now()}
				if s.Status, errs[i] = l.send(); errs[i] != nil {
					return
				}
				s.Done = time.Now()
				shots[i] = append(shots[i], s)
			}
		})
	}
	group.Wait()
	return slices.Concat(shots...), errors.Join(append(errs, ctx.Err())...)
}

// line is a connection to a gateway that sends one request over and over. It
// costs a fraction of what a general client does.
type line struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

func open(ctx context.Context, gateway, path, token string) (*line, error) {
	address := strings.TrimPrefix(gateway, "http://")
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if token != "" {
		request += "Authorization: Bearer " + token + "\r\n"
	}
	return &line{conn, bufio.NewReader(conn), []byte(request + "\r\n")}, nil
}

var errAnswer = errors.New("not an answer")

// send sends the request and reads the answer.
func (l *line) send() (status int, err error) {
	if err := l.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := l.conn.Write(l.request); err != nil {
		return 0, err
	}
	length := 0
	for {
		text, err := l.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		switch head := strings.TrimRight(string(text), "\r\n"); {
		case status == 0:
			if len(head) < 12 {
				return 0, errAnswer
			}
			if status, err = strconv.Atoi(head[9:12]); err != nil {
				return 0, err
			}
		case head == "":
			_, err := io.CopyN(io.Discard, l.in, int64(length))
			return status, err
		case len(head) > 15 && strings.EqualFold(head[:15], "content-length:"):
			if length, err = strconv.Atoi(strings.TrimSpace(head[15:])); err != nil {
				return 0, err
			}
		}
	}
}
