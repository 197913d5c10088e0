package traffic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"mgw/runtime/internal/event"
)

// Snapshot is all that a traffic manager holds at one moment.
type Snapshot struct {
	Blocks    []event.Block
	Templates []string
	Decisions []event.Decision
	// Complete tells that the manager gives its decisions (ours does, WSO2's
	// has no such resource): a key that is not among them is free.
	Complete bool
}

// revoked is a credential that a pull gave.
type revoked struct {
	credential string // jti, signature, or a whole opaque token
	expiry     int64  // milliseconds since the epoch
}

// retriever pulls from the internal data service (contract 7.7).
type retriever struct {
	base               string
	username, password string
	client             *http.Client
}

func newRetriever(base, username, password string, transport http.RoundTripper) retriever {
	return retriever{strings.TrimRight(base, "/"), username, password, &http.Client{Transport: transport}}
}

// Bounds of a pull.
const (
	pullTimeout = 5 * time.Second
	maxPull     = 256 << 20 // a million decisions
)

var errAbsent = errors.New("the manager has no such resource")

// snapshot pulls all but revoked tokens. decisions may be absent.
func (r *retriever) snapshot(ctx context.Context) (*Snapshot, error) {
	s := new(Snapshot)
	var err error
	if s.Blocks, err = r.blocks(ctx); err != nil {
		return nil, err
	}
	if err = r.get(ctx, "keyTemplates", &s.Templates); err != nil {
		return nil, err
	}
	var raw []json.RawMessage
	switch err = r.get(ctx, "throttled", &raw); {
	case errors.Is(err, errAbsent):
		return s, nil
	case err != nil:
		return nil, err
	}
	s.Complete = true
	for _, item := range raw {
		d, err := event.ParseRecord(item)
		if err != nil {
			return nil, err
		}
		s.Decisions = append(s.Decisions, *d)
	}
	return s, nil
}

// blocks reads /block: lists by kind, of values or of address ranges.
func (r *retriever) blocks(ctx context.Context) ([]event.Block, error) {
	var lists map[string]json.RawMessage
	if err := r.get(ctx, "block", &lists); err != nil {
		return nil, err
	}
	var all []event.Block
	for name, list := range lists {
		kind := event.BlockKind(strings.ToUpper(name))
		if kind == event.BlockIP || kind == event.BlockIPRange {
			ranges, err := ranges(list)
			if err != nil {
				return nil, fmt.Errorf("reading block.%s: %w", name, err)
			}
			all = append(all, ranges...)
			continue
		}
		var values []string
		if err := json.Unmarshal(list, &values); err != nil {
			return nil, fmt.Errorf("reading block.%s: %w", name, err)
		}
		for _, v := range values {
			all = append(all, event.Block{Kind: kind, Value: v, Active: true})
		}
	}
	return all, nil
}

func ranges(list json.RawMessage) ([]event.Block, error) {
	var items []struct {
		event.IPRange
		Type   event.BlockKind `json:"type"`
		ID     int64           `json:"id"`
		Tenant string          `json:"tenantDomain"`
	}
	if err := json.Unmarshal(list, &items); err != nil {
		return nil, err
	}
	all := make([]event.Block, len(items))
	for i, item := range items {
		kind := event.BlockIP
		if item.Fixed == "" {
			kind = event.BlockIPRange
		}
		all[i] = event.Block{Kind: kind, Range: item.IPRange, Active: true, ID: item.ID, Tenant: item.Tenant}
	}
	return all, nil
}

// revoked pulls the revoked tokens.
func (r *retriever) revoked(ctx context.Context) ([]revoked, error) {
	var items []struct {
		Signature  string      `json:"jwt_signature"`
		Signature2 string      `json:"jwtSignature"`
		Expiry     json.Number `json:"expiry_time"`
		Expiry2    json.Number `json:"expiryTime"`
	}
	if err := r.get(ctx, "revokedjwt", &items); err != nil {
		return nil, err
	}
	all := make([]revoked, len(items))
	for i, item := range items {
		all[i].credential = item.Signature + item.Signature2
		expiry := item.Expiry
		if expiry == "" {
			expiry = item.Expiry2
		}
		all[i].expiry, _ = expiry.Int64() // none: as long as such a token may live
	}
	return all, nil
}

// get reads one resource. An empty body leaves v as it is.
func (r *retriever) get(ctx context.Context, resource string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/"+resource, nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth(r.username, r.password)
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return fmt.Errorf("GET %s: %w", resource, errAbsent)
	default:
		return fmt.Errorf("GET %s: %s", resource, resp.Status)
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, maxPull)).Decode(v)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("GET %s: %w", resource, err)
	}
	return nil
}
