package config

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// endpointForm is the form of the keys that contract 1.8 has for endpoints.
var endpointForm = regexp.MustCompile(`^(.+)_(prod|sand)_(?:endpoint_(\d{1,4})|(\d{1,4})_etcdKey|(basic_username)|(basic_password))$`)

// endpointKey gives the key that a name stands for, nil when it is none of an
// endpoint's.
func (l *loader) endpointKey(name string) *key {
	m := endpointForm.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	e := l.endpoint(m[1], m[2] == "sand")
	k := &key{path: name, secret: true}
	switch {
	case m[3] != "":
		k.set = putURL(e.URLs, m[3])
	case m[4] != "":
		k.set, k.status = putEtcdKey(e.EtcdKeys, m[4]), later
	case m[5] != "":
		k.set = text(&e.Account.Username, e.Account.Username)
	default:
		k.set = secret(&e.Account.Password, e.Account.Password.Reveal())
	}
	return k
}

func putURL(urls map[int]string, digits string) setter {
	i, _ := strconv.Atoi(digits) // at most four digits
	return func(in input) (bool, error) {
		s, err := in.text()
		if err == nil {
			err = checkEndpointURL(s)
		}
		if err == nil {
			urls[i] = s
		}
		return true, err
	}
}

// http2Scheme are the schemes that only endpoints have.
var http2Scheme = regexp.MustCompile(`^(?i:h2c|grpcs?)://`)

// checkEndpointURL takes srv+ for the SRV records of a name, too.
func checkEndpointURL(s string) error {
	s = strings.TrimPrefix(s, "srv+")
	return checkURL(http2Scheme.ReplaceAllString(s, "http://"))
}

func putEtcdKey(keys map[int]string, digits string) setter {
	i, _ := strconv.Atoi(digits)
	return func(in input) (bool, error) {
		s, err := in.text()
		keys[i] = s
		return true, err
	}
}

func (l *loader) endpoint(name string, sandbox bool) *EndpointOverride {
	for _, e := range l.cfg.Endpoints {
		if e.Name == name && e.Sandbox == sandbox {
			return e
		}
	}
	e := &EndpointOverride{Name: name, Sandbox: sandbox, URLs: map[int]string{}, EtcdKeys: map[int]string{}}
	l.cfg.Endpoints = append(l.cfg.Endpoints, e)
	return e
}

func (l *loader) sortEndpoints() {
	slices.SortFunc(l.cfg.Endpoints, func(a, b *EndpointOverride) int {
		if c := cmp.Compare(a.Name, b.Name); c != 0 || a.Sandbox == b.Sandbox {
			return c
		}
		if b.Sandbox {
			return -1
		}
		return 1
	})
}

func (l *loader) etcdKeys() []key {
	e := &l.cfg.Etcd
	return []key{
		{path: "etcdurl", status: later, set: link(&e.URL, "")},
		{path: "etcdusername", status: later, set: text(&e.Account.Username, "")},
		{path: "etcdpassword", status: later, set: secret(&e.Account.Password, ""), secret: true},
		{path: "etcdbasepath", status: later, set: text(&e.BasePath, "/v3")},
		{path: "etcdtimer", status: later, set: span(&e.Every, 10*time.Second, time.Millisecond, time.Millisecond)},
	}
}
