package jms

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ProviderURL is a JMS connection URL (sections 1 and 2 of the AMQP contract):
//
//	amqp://user:pass@clientid/vhost?brokerlist='tcp://host:5672?ssl='true';...'&failover='roundrobin'
type ProviderURL struct {
	User, Password  string
	ClientID        string // "" when there is none
	VHost           string // with its leading slash
	Options         map[string]string
	Failover        string // method; "" when not given
	FailoverOptions map[string]string
	Brokers         []Broker
}

// Broker is one entry of brokerlist.
type Broker struct {
	Transport string // tcp, in the case it was written in
	Host      string // IPv6 addresses keep their brackets
	Port      int
	Options   map[string]string
}

const defaultPort = 5672

// connectionOptions are the top-level options that mean something; others are
// ignored.
var connectionOptions = []string{
	"maxprefetch", "sync_ack", "sync_publish", "sync_persistence", "use_legacy_map_msg_format",
	"redeliverydelay", "cyclecount", "defaultTopicExchange", "defaultQueueExchange",
	"temporaryTopicExchange", "temporaryQueueExchange",
}

// ParseProviderURL reads a provider URL. secret gives the value of a
// {secretAlias:NAME} in it. Errors never show the password.
func ParseProviderURL(raw string, secret func(alias string) (string, error)) (*ProviderURL, error) {
	u, err := parseProviderURL(raw, secret)
	if err != nil {
		return nil, fmt.Errorf("provider URL: %w", err)
	}
	return u, nil
}

func parseProviderURL(raw string, secret func(string) (string, error)) (*ProviderURL, error) {
	raw, err := replaceSecrets(raw, secret)
	if err != nil {
		return nil, err
	}
	if err := checkURICharacters(raw); err != nil {
		return nil, err
	}
	const scheme = "amqp://"
	if len(raw) < len(scheme) || !strings.EqualFold(raw[:len(scheme)], scheme) {
		return nil, errors.New("does not start with amqp://")
	}
	rest, _, _ := strings.Cut(raw[len(scheme):], "#")
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, ok := strings.Cut(rest, "/")
	if !ok {
		return nil, errors.New("names no virtual host: write amqp://user:password@client/vhost?options")
	}
	u := &ProviderURL{Options: map[string]string{}, FailoverOptions: map[string]string{}}
	if u.VHost, err = url.PathUnescape("/" + path); err != nil {
		return nil, errors.New("the virtual host has a broken percent escape")
	}
	if err := u.parseAuthority(authority); err != nil {
		return nil, err
	}
	if query, err = url.PathUnescape(query); err != nil {
		return nil, errors.New("the options have a broken percent escape")
	}
	return u, u.parseQuery(query)
}

// replaceSecrets puts in what {secretAlias:NAME} stands for.
func replaceSecrets(raw string, secret func(string) (string, error)) (string, error) {
	const open = "{secretAlias:"
	for {
		before, rest, found := strings.Cut(raw, open)
		if !found {
			return raw, nil
		}
		alias, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", errors.New("{secretAlias: has no end")
		}
		if secret == nil {
			return "", errors.New("{secretAlias:...} is not configured")
		}
		value, err := secret(alias)
		if err != nil {
			return "", err
		}
		raw = before + url.PathEscape(value) + after
	}
}

// checkURICharacters refuses what no URI may hold unescaped (RFC 3986 section
// 2), with its place.
func checkURICharacters(s string) error {
	for i, r := range s {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("\"<>\\^`{|}", r) {
			return fmt.Errorf("character %q at position %d must be written as %%%02X", r, i+1, r)
		}
	}
	return nil
}

// parseAuthority splits user:password@client at the first "@", and the
// unescaped user information at its first colon.
func (u *ProviderURL) parseAuthority(authority string) error {
	userInfo, client, ok := strings.Cut(authority, "@")
	if !ok {
		return errors.New("names no user: write amqp://user:password@client/vhost?options")
	}
	userInfo, err := url.PathUnescape(userInfo)
	if err != nil {
		return errors.New("the user information has a broken percent escape")
	}
	if u.User, u.Password, ok = strings.Cut(userInfo, ":"); !ok {
		return errors.New("the user information has no password: write user:password, the password may be empty")
	}
	u.ClientID = client
	return nil
}

func (u *ProviderURL) parseQuery(query string) error {
	options, err := parseOptions(query)
	if err != nil {
		return err
	}
	for name, value := range options {
		switch {
		case name == "failover":
			method, rest, _ := strings.Cut(value, "?")
			u.Failover = method
			if u.FailoverOptions, err = parseOptions(rest); err != nil {
				return fmt.Errorf("failover: %w", err)
			}
		case name == "brokerlist":
			if err := u.parseBrokers(value); err != nil {
				return err
			}
		case slices.Contains(connectionOptions, name):
			u.Options[name] = value
		}
	}
	return nil
}

// parseBrokers reads the brokers in their order, each address once.
func (u *ProviderURL) parseBrokers(list string) error {
	seen := map[string]bool{}
	for _, item := range strings.Split(list, ";") {
		if item == "" {
			continue
		}
		b, err := parseBroker(item)
		if err != nil {
			return err
		}
		address := strings.ToLower(fmt.Sprintf("%s://%s:%d", b.Transport, b.Host, b.Port))
		if !seen[address] {
			seen[address] = true
			u.Brokers = append(u.Brokers, b)
		}
	}
	return nil
}

func parseBroker(s string) (Broker, error) {
	b := Broker{Transport: "tcp"}
	if err := checkURICharacters(s); err != nil {
		return b, fmt.Errorf("broker: %w", err)
	}
	address, query, _ := strings.Cut(s, "?")
	if transport, rest, ok := strings.Cut(address, "://"); ok {
		if !strings.EqualFold(transport, "tcp") {
			return b, fmt.Errorf("broker: unknown transport %q: write tcp://, with ssl='true' for TLS", transport)
		}
		b.Transport, address = transport, rest
	} else if strings.EqualFold(address, "tcp") || len(address) > 4 && strings.EqualFold(address[:4], "tcp:") {
		return b, errors.New("broker: tcp: must be followed by //")
	}
	var err error
	if b.Host, b.Port, err = splitHostPort(address); err != nil {
		return b, fmt.Errorf("broker %q: %w", address, err)
	}
	if query, err = url.PathUnescape(query); err != nil {
		return b, fmt.Errorf("broker %q: broken percent escape in its options", address)
	}
	if b.Options, err = parseOptions(query); err != nil {
		return b, fmt.Errorf("broker %q: %w", address, err)
	}
	return b, nil
}

func splitHostPort(address string) (string, int, error) {
	address, _, _ = strings.Cut(address, "/")
	colon := strings.LastIndexByte(address, ':')
	if colon <= strings.LastIndexByte(address, ']') { // no port, or inside [::1]
		colon = -1
	}
	host, port := address, strconv.Itoa(defaultPort)
	if colon >= 0 {
		host, port = address[:colon], address[colon+1:]
	}
	if host == "" {
		return "", 0, errors.New("names no host")
	}
	if port == "" {
		return "", 0, errors.New("has a colon but no port")
	}
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 {
		return "", 0, errors.New("the port is not a number")
	}
	return host, n, nil
}

// parseOptions reads key='value' pairs separated by "&", "," or ";". A value
// may hold pairs of its own: a quote followed by a separator, another quote or
// the end closes, any other opens.
func parseOptions(s string) (map[string]string, error) {
	options := map[string]string{}
	for s = strings.TrimLeft(s, separators); s != ""; s = strings.TrimLeft(s, separators) {
		name, rest, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, errors.New("an option is not written key='value'")
		}
		if !strings.HasPrefix(rest, "'") {
			return nil, fmt.Errorf("option %q is not written key='value'", name)
		}
		end := closingQuote(rest)
		if end <= 1 {
			return nil, fmt.Errorf("the value of option %q does not end: write %s='value'", name, name)
		}
		options[name] = rest[1:end]
		s = rest[end+1:]
	}
	return options, nil
}

const separators = "&,;"

// closingQuote finds the quote that closes the one s starts with; 0 if none.
func closingQuote(s string) int {
	depth := 0
	for i := range len(s) {
		if s[i] != '\'' {
			continue
		}
		if i+1 < len(s) && !strings.ContainsRune(separators+"'", rune(s[i+1])) {
			depth++
			continue
		}
		if depth--; depth <= 0 {
			return i
		}
	}
	return 0
}
