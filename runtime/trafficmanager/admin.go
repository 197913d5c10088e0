package trafficmanager

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"mgw/runtime/internal/event"
)

// openAPI defines the admin API.
//
//go:embed openapi.yaml
var openAPI []byte

// admin changes blocking conditions and key templates: first in the store, then
// in memory and at the gateways.
type admin struct {
	store    store
	registry *registry
	push     func(m event.Message, withdraws bool)
	log      *slog.Logger

	changing *sync.Mutex // one change at a time, so that all see them in one order
}

const (
	maxAdminBody = 64 << 10
	maxBlocks    = 100_000
	maxTemplates = 1000 // each is looked up by every request at every gateway
	maxValue     = 2000
)

func (a *admin) listBlocks(w http.ResponseWriter, _ *http.Request) {
	list := []blockBody{}
	for _, b := range a.registry.allBlocks() {
		list = append(list, bodyOf(b))
	}
	answer(w, http.StatusOK, map[string]any{"count": len(list), "list": list})
}

func (a *admin) addBlock(w http.ResponseWriter, r *http.Request) {
	var body blockBody
	if err := readBody(w, r, &body); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	b, err := body.parse()
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	all := a.registry.allBlocks()
	for _, known := range all {
		if b.ID = known.ID; known == b {
			fail(w, http.StatusConflict, fmt.Sprintf("condition %d says the same", known.ID))
			return
		}
	}
	if len(all) >= maxBlocks {
		fail(w, http.StatusConflict, fmt.Sprintf("there are %d blocking conditions already", maxBlocks))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	if b.ID, err = a.store.addBlock(ctx, b); err != nil {
		a.broken(w, err)
		return
	}
	a.registry.addBlock(b)
	a.push(&b, false)
	a.note(r, "a blocking condition was added", "id", b.ID, "type", b.Kind)
	w.Header().Set("Location", blocksPath+"/"+strconv.FormatInt(b.ID, 10))
	answer(w, http.StatusCreated, bodyOf(b))
}

func (a *admin) removeBlock(w http.ResponseWriter, r *http.Request) {
	a.changing.Lock()
	defer a.changing.Unlock()
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	b, ok := a.registry.block(id)
	if err != nil || !ok {
		fail(w, http.StatusNotFound, "there is no such blocking condition")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	if err := a.store.removeBlock(ctx, id); err != nil {
		a.broken(w, err)
		return
	}
	a.registry.removeBlock(id)
	a.push(ended(b), true)
	a.note(r, "a blocking condition was removed", "id", b.ID, "type", b.Kind)
	w.WriteHeader(http.StatusNoContent)
}

func (a *admin) listTemplates(w http.ResponseWriter, _ *http.Request) {
	type item struct {
		Template string `json:"keyTemplate"`
		Policy   bool   `json:"fromPolicy"`
	}
	list := []item{}
	for _, t := range a.registry.allTemplates() {
		_, own := a.registry.hasTemplate(t)
		list = append(list, item{t, own})
	}
	answer(w, http.StatusOK, map[string]any{"count": len(list), "list": list})
}

func (a *admin) addTemplate(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Template string `json:"keyTemplate"`
	}
	err := readBody(w, r, &body)
	if err == nil {
		err = checkTemplate(body.Template)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if added, own := a.registry.hasTemplate(body.Template); added || own {
		fail(w, http.StatusConflict, "there is this key template already")
		return
	}
	if len(a.registry.allTemplates()) >= maxTemplates {
		fail(w, http.StatusConflict, fmt.Sprintf("there are %d key templates already", maxTemplates))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	if err := a.store.addTemplate(ctx, body.Template); err != nil {
		a.broken(w, err)
		return
	}
	a.registry.addTemplate(body.Template)
	a.push(&event.KeyTemplate{Template: body.Template}, false)
	a.note(r, "a key template was added", "template", body.Template)
	answer(w, http.StatusCreated, body)
}

func checkTemplate(text string) error {
	if len(text) > maxValue {
		return fmt.Errorf("keyTemplate is longer than %d bytes", maxValue)
	}
	_, err := parseTemplate(text)
	return err
}

func (a *admin) removeTemplate(w http.ResponseWriter, r *http.Request) {
	a.changing.Lock()
	defer a.changing.Unlock()
	template := r.URL.Query().Get("keyTemplate")
	switch added, own := a.registry.hasTemplate(template); {
	case own:
		fail(w, http.StatusConflict, "this key template belongs to a custom policy")
		return
	case !added:
		fail(w, http.StatusNotFound, "there is no such key template")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	if err := a.store.removeTemplate(ctx, template); err != nil {
		a.broken(w, err)
		return
	}
	a.registry.removeTemplate(template)
	a.push(&event.KeyTemplate{Template: template, Remove: true}, true)
	a.note(r, "a key template was removed", "template", template)
	w.WriteHeader(http.StatusNoContent)
}

func (a *admin) definition(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI)
}

// note logs a change and who made it.
func (a *admin) note(r *http.Request, what string, args ...any) {
	user, _, _ := r.BasicAuth()
	a.log.Info(what, append(args, "by", user)...)
}

// broken answers when the store failed: nothing has changed then.
func (a *admin) broken(w http.ResponseWriter, err error) {
	a.log.Error("a change could not be stored", "error", err)
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusServiceUnavailable, "the change could not be stored; nothing has changed")
}

// readBody reads one JSON object, strictly.
func readBody(w http.ResponseWriter, r *http.Request, v any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("the body is not what is expected: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on after its end")
	}
	return nil
}
