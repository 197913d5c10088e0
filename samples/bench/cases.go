package main

// placement says which core the load and the backend have; the proxies always
// have the same one.
type placement struct {
	name string
	own  bool // the proxy has its core to itself
}

var placements = []placement{{"all on one core", false}, {"the proxy on its own core", true}}

// workload is what wrk sends, and how.
type workload struct {
	name        string
	method      string
	path        string
	body        int // bytes
	connections int
	tls         bool
	token       bool // cached JWT, three tiers, access log: for the gateway
	half        bool // at half of what the gateway can do
}

const (
	pet   = "/petstore/v1/pet/1"
	order = "/petstore/v1/store/order/1"
	image = "/petstore/v1/pet/1/uploadImage"
)

var cases = []workload{
	{name: "GET, limit per client, access log off", method: "GET", path: pet, connections: 64},
	{name: "GET, cached JWT, three tiers, access log on", method: "GET", path: order, connections: 64, token: true},
	{name: "POST of 10 KB", method: "POST", path: image, body: 10_000, connections: 64},
	{name: "GET over TLS 1.3", method: "GET", path: pet, connections: 64, tls: true},
	{name: "GET, one connection", method: "GET", path: pet, connections: 1},
	{name: "GET at half of the gateway's capacity", method: "GET", path: pet, connections: 64, half: true},
	// The last one, as memory that it took stays with the proxies for a while.
	{name: "GET, 1,000 connections", method: "GET", path: pet, connections: 1000},
}
