package spec

// Interceptors are the functions of the project's Go code that take part in an
// operation, in the order in which they run.
type Interceptors struct {
	Classify []string `json:"classify,omitempty"` // before the limits
	Request  []string `json:"request,omitempty"`  // before the backend
	Response []string `json:"response,omitempty"`
}
