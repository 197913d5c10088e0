// Package peers compares package limit with other limiters of its kind. It is
// a module of its own so that what it compares with stays out of mgw's:
//
//	go -C runtime/internal/limit/peers test -bench .
//
// It holds benchmarks and nothing else.
package peers
