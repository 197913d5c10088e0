package throttle

import (
	"slices"

	"mgw/runtime/internal/event"
	"mgw/runtime/internal/exchange"
)

// template is a key template of a manager's custom policies.
type template struct {
	text string
	sent int64
	custom
}

// maxTemplates bounds what each request compares with.
const maxTemplates = 256

// applyTemplate adds or removes one; what is older than the present state is
// ignored. A template that cannot be read fits no request.
func (d *Decisions) applyTemplate(m *event.KeyTemplate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.Clone(*d.templates.Load())
	at := slices.IndexFunc(all, func(t template) bool { return t.text == m.Template })
	switch {
	case at >= 0 && all[at].sent > m.Sent && m.Sent != 0:
		return
	case m.Remove && at >= 0:
		all = slices.Delete(all, at, at+1)
	case m.Remove:
	case at >= 0:
		all[at].sent = m.Sent
	default:
		all = addTemplate(all, m.Template, m.Sent)
	}
	d.templates.Store(&all)
}

func addTemplate(all []template, text string, sent int64) []template {
	t := template{text: text, sent: sent}
	if len(all) >= maxTemplates || t.parse(text) != nil {
		return all
	}
	return append(all, t)
}

func (d *Decisions) replaceTemplates(texts []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := []template{}
	for _, text := range texts {
		all = addTemplate(all, text, 0)
	}
	d.templates.Store(&all)
}

// throttledTemplate tells whether a key that one of the templates makes of the
// request is throttled. It gives the scratch memory back.
func (d *Decisions) throttledTemplate(b []byte, t *Throttle, x *exchange.Exchange) ([]byte, int64, bool) {
	all := *d.templates.Load()
	for i := range all {
		var ok bool
		if b, ok = all[i].appendKey(b[:0], t, x); !ok {
			continue
		}
		if left, throttled := d.throttled(d.hash(b)); throttled {
			return b, left, true
		}
	}
	return b, 0, false
}
