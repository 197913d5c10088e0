package traffic

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"testing"
)

// revokedSet records what is revoked.
type revokedSet struct {
	mu  sync.Mutex
	all map[string]int64
}

func (r *revokedSet) add(credential string, expiry int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[credential] = expiry
}

func (r *revokedSet) has(credential string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.all[credential]
	return ok
}

func TestRevokedTokensComeByMessageAndByPull(t *testing.T) {
	s, set := newService(t), &revokedSet{all: map[string]int64{}}
	s.set("/revokedjwt", `nonsense`)
	transport := &http.Transport{}
	r := NewRevocations(RevocationOptions{Base: s.URL, Username: "admin", Password: "secret", Transport: transport, Add: set.add, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; transport.CloseIdleConnections() })

	s.set("/revokedjwt", `[{"jwt_signature":"pulled","expiry_time":1700000000000}]`)
	r.Subscribed()
	await(t, "the pull", func() bool { return set.has("pulled") })

	if err := r.Received(map[string]any{"revokedToken": "by map", "ttl": "1700000000000"}, nil); err != nil {
		t.Error(err)
	}
	if err := r.Received(nil, []byte(`{"event":{"payloadData":{"revokedToken":"by text","ttl":"1700000000"}}}`)); err != nil {
		t.Error(err)
	}
	if err := r.Received(map[string]any{"revokedToken": "soon", "ttl": "3600"}, nil); err != nil {
		t.Error(err)
	}
	want := map[string]int64{"pulled": 1700000000000e6, "by map": 1700000000000e6, "by text": 1700000000e9, "soon": 0}
	if !reflect.DeepEqual(set.all, want) {
		t.Errorf("%v", set.all)
	}
	for _, text := range []string{``, `[]`, `{"event":{}}`, `{"event":{"payloadData":{"revokedToken":7}}}`} {
		if err := r.Received(nil, []byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
