package wire

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// detour is how a target is reached through another: one on plaintext by naming
// it in the request line (RFC 9112 section 3.2.2), one with TLS through a tunnel
// (RFC 9110 section 9.3.6).
type detour struct {
	address string
	origin  []byte // what comes before the target's path
	field   []byte // Proxy-Authorization, with its end of line; nil for none
}

func newDetour(u *url.URL, host string) *detour {
	p := &detour{address: u.Host, origin: []byte("http://" + host)}
	if u.Port() == "" {
		p.address = net.JoinHostPort(u.Hostname(), "80")
	}
	if u.User != nil {
		password, _ := u.User.Password()
		credential := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
		p.field = []byte("Proxy-Authorization: Basic " + credential + "\r\n")
	}
	return p
}

// address is where connections to the target go.
func (u *upstream) address() string {
	if u.detour != nil {
		return u.detour.address
	}
	return u.to.Address
}

// named gives the proxy that is told the target in each request.
func (u *upstream) named() *detour {
	if u.tls != nil {
		return nil
	}
	return u.detour
}

// mostTunnelHead bounds a proxy's answer to CONNECT.
const mostTunnelHead = 16 << 10

var errTunnelTalk = errors.New("its answer is not that of a proxy")

// tunnel makes a connection to the proxy one to the target.
func (u *upstream) tunnel(ctx context.Context, nc net.Conn) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(past) })
	err := u.connect(nc)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("through the proxy %s: %w", u.detour.address, err)
	}
	return nc, nc.SetDeadline(time.Time{})
}

func (u *upstream) connect(nc net.Conn) error {
	ask := append([]byte("CONNECT "+u.to.Address+" HTTP/1.1\r\nHost: "+u.to.Address+"\r\n"), u.detour.field...)
	if _, err := nc.Write(append(ask, "\r\n"...)); err != nil {
		return err
	}
	from := bufio.NewReader(io.LimitReader(nc, mostTunnelHead))
	lines := textproto.NewReader(from)
	first, err := lines.ReadLine()
	if err == nil {
		_, err = lines.ReadMIMEHeader()
	}
	version, status, _ := strings.Cut(first, " ")
	switch {
	case err != nil:
		return err
	case !strings.HasPrefix(version, "HTTP/1.") || len(status) < 3:
		return errTunnelTalk
	case status[0] != '2':
		return fmt.Errorf("it answers %s", status[:3])
	case from.Buffered() > 0: // the target waits for our first word of TLS
		return errTunnelTalk
	}
	return nil
}
