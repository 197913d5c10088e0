package scaffold

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// Fetch says how to download a definition.
type Fetch struct {
	URL      string
	Header   http.Header
	Insecure bool // no check of the server's certificate
	Timeout  time.Duration
}

var webAddress = regexp.MustCompile(`(?i)^https?://.`)

// IsURL tells addresses from file names.
func IsURL(source string) bool { return webAddress.MatchString(source) }

// Do downloads. Neither header values nor the address's user or query, which
// may hold secrets, show up in its errors.
func (f Fetch) Do(ctx context.Context) (*Definition, error) {
	u, err := url.Parse(f.URL)
	if err != nil {
		return nil, errors.New("downloading the definition: the address is not a valid URL")
	}
	d, err := f.get(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("downloading %s: %w", Shown(f.URL), err)
	}
	return d, nil
}

// Shown is an address as it may be printed: without what may be a secret.
func Shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the address"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func (f Fetch) get(ctx context.Context, u *url.URL) (*Definition, error) {
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range f.Header {
		req.Header[name] = values
	}
	req.Host = f.Header.Get("Host")
	client, closeIdle := f.client()
	defer closeIdle()

	res, err := client.Do(req)
	if err != nil {
		return nil, f.explain(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", res.Status)
	}
	data, err := readBounded(res.Body)
	if err != nil {
		return nil, f.explain(ctx, err)
	}
	return newDefinition(remoteName(res.Header, res.Request.URL), data)
}

func (f Fetch) client() (*http.Client, func()) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: f.Insecure} // asked for with -k
	client := &http.Client{Transport: transport, CheckRedirect: f.redirect}
	return client, transport.CloseIdleConnections
}

// redirect keeps what the user sends for one server from another one: net/http
// itself drops only the well-known fields.
func (f Fetch) redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than ten redirects")
	}
	first := via[0].URL
	if first.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("the server redirects from https to http")
	}
	if req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
		for name := range f.Header {
			req.Header.Del(name)
		}
	}
	return nil
}

// explain takes the address out of net/http's error and names the remedy.
func (f Fetch) explain(ctx context.Context, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if ctx.Err() == context.DeadlineExceeded {
		return fmt.Errorf("no complete answer within %s", f.Timeout)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w; -k downloads in spite of that", err)
	}
	return err
}
