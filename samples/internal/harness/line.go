package harness

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Line is a connection to a gateway that sends one request over and over. It
// costs a fraction of what a general client does, so that the figures of a
// load are the gateway's.
type Line struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

// OpenLine connects to a gateway's http URL. An empty token is none.
func OpenLine(ctx context.Context, gateway, path, token string) (*Line, error) {
	address := strings.TrimPrefix(gateway, "http://")
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if token != "" {
		request += "Authorization: Bearer " + token + "\r\n"
	}
	return &Line{conn, bufio.NewReader(conn), []byte(request + "\r\n")}, nil
}

// Close ends the connection.
func (l *Line) Close() error { return l.conn.Close() }

var errAnswer = errors.New("not an answer")

// Send sends the request, reads the answer whole and gives its status.
func (l *Line) Send() (status int, err error) {
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
