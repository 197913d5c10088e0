package gateway

import "mgw/runtime/internal/validate"

// buildValidation reads the schemas, where the configuration asks for it. Its
// stage stands behind throttling, so that invalid requests are limited like
// others: reading and checking a body is work. Answers are checked as
// interceptors leave them.
func (g *generation) buildValidation() (err error) {
	wanted := g.options.Config.Validation
	if wanted.Request || wanted.Response {
		g.validator, err = validate.New(validate.Options{Gateway: g.options.Spec, Log: g.options.Log, MaxBody: wanted.MaxBodySize})
	}
	return err
}

// ValidationState is what an operator sees of validation.
type ValidationState struct {
	// UncheckedAnswers passed although there was a schema: too large, in a
	// coding that is not read, or too costly.
	UncheckedAnswers uint64 `json:"uncheckedAnswers"`
}

func (g *generation) validationState() *ValidationState {
	if g.validator == nil {
		return nil
	}
	return &ValidationState{g.validator.Unchecked()}
}
