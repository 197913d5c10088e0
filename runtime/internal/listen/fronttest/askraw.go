package fronttest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// RawAnswer is what came of bytes that were sent.
type RawAnswer struct {
	Status int
	Body   string
	Closed bool   // with the answer, and nothing but the answer has come
	Second string // of a request after it: status and body
}

// AskRaw sends bytes, at once or in pieces, and takes the one answer. Where the
// connection stays open it asks for /second. What comes besides is an error:
// whoever answers twice has read two requests.
func AskRaw(addr, send string, pieces bool) (a RawAnswer, err error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return a, err
	}
	defer nc.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		sendRaw(nc, send, pieces)
	}()
	defer func() { _ = nc.Close(); <-sent }()
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	r := bufio.NewReader(nc)
	method, _, _ := strings.Cut(strings.TrimLeft(send, "\r\n "), " ")
	if a.Status, a.Body, a.Closed, err = answerOf(r, method); err != nil {
		return a, err
	}
	if a.Closed {
		if rest, _ := io.ReadAll(r); len(rest) > 0 {
			return a, fmt.Errorf("a second answer: %q", rest)
		}
		return a, nil
	}
	_, _ = io.WriteString(nc, "GET /second HTTP/1.1\r\nHost: second\r\nConnection: close\r\n\r\n")
	status, body, _, err := answerOf(r, "GET")
	a.Second = fmt.Sprint(status, " ", body)
	if err != nil {
		return a, fmt.Errorf("the connection said keep-alive and broke: %w", err)
	}
	return a, nil
}

func sendRaw(nc net.Conn, send string, pieces bool) {
	step := len(send)
	if pieces {
		step = max(1, len(send)/7)
	}
	for len(send) > 0 {
		n := min(step, len(send))
		if _, err := io.WriteString(nc, send[:n]); err != nil {
			return
		}
		if send = send[n:]; pieces {
			time.Sleep(50 * time.Microsecond) // to make packets of them, not to wait
		}
	}
}

func answerOf(r *bufio.Reader, method string) (status int, body string, closed bool, err error) {
	answer, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return 0, "", false, fmt.Errorf("no answer: %w", err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, "", false, fmt.Errorf("answer cut: %w", err)
	}
	return answer.StatusCode, string(content), answer.Close, nil
}
