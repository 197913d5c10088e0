package spec

// Balance is how a load-balanced endpoint chooses among its URLs.
type Balance string

const (
	RoundRobin    Balance = "roundRobin"    // "" too
	LeastRequests Balance = "leastRequests" // the one with fewest under way
)

// ServiceRecord is put before the scheme of an endpoint's URL whose host is
// the name of DNS SRV records: each of them stands for a URL.
const ServiceRecord = "srv+"

// HealthCheck says how an endpoint's URLs are asked whether they live.
type HealthCheck struct {
	Path           string `json:"path"`
	IntervalMillis int    `json:"intervalMillis"`
	TimeoutMillis  int    `json:"timeoutMillis"`
	// How many answers in a row change what is thought of a URL.
	Healthy     int   `json:"healthy"`
	Unhealthy   int   `json:"unhealthy"`
	StatusCodes []int `json:"statusCodes,omitempty"` // of the living; none: 200 to 299
}
