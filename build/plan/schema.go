package plan

import (
	"mgw/build/openapi"
	"mgw/runtime/spec"
)

// addMessages takes what the next operation of an API says of its messages.
func (m *maker) addMessages(api int, op *openapi.Operation) {
	for len(m.schemas.APIs) <= api {
		m.schemas.APIs = append(m.schemas.APIs, spec.APISchemas{})
	}
	if op.Messages == nil {
		return
	}
	messages := *op.Messages
	messages.Operation = m.operations
	of := &m.schemas.APIs[api]
	of.Operations = append(of.Operations, messages)
}

// addSchemas takes the schemas of the last API, if an operation has any.
func (m *maker) addSchemas(in *openapi.API) {
	if of := &m.schemas.APIs[len(m.schemas.APIs)-1]; len(of.Operations) > 0 {
		of.Schemas = in.Schemas
	}
}

// packSchemas makes them part of the gateway. One that says nothing of its
// messages carries none.
func (m *maker) packSchemas() {
	empty := true
	for _, of := range m.schemas.APIs {
		empty = empty && len(of.Operations) == 0
	}
	if empty {
		return
	}
	packed, err := spec.PackSchemas(&m.schemas)
	if err != nil {
		m.problems.Errorf("", 0, 0, "%v", err)
	}
	m.gateway.Schemas = packed
}
