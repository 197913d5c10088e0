package lease

import (
	"errors"
	"fmt"
	"strconv"

	_ "embed"
)

//go:embed lease.lua
var leaseScript string

//go:embed announce.lua
var announceScript string

// call is what a node tells and asks in one run of the script. Times are in
// nanoseconds here, in microseconds there.
type call struct {
	nonce uint64
	sent  int64 // on the node's clock
	asked int64 // the window that tokens are asked for; noWindow: none, the share is kept

	want, need int64 // tokens for demand to come, and for requests that wait

	// What the node saw last: the window, the state's identity, what was
	// granted under it, and the most that was outstanding or taken. Of the
	// shape smooth: the account in seen.
	seen, id, gross, most int64

	back  int64 // tokens of window seen given back
	used  int64 // tokens of window seen taken since the last call
	share int64 // the share the node holds; -1: none is kept in Redis
	// All shares, as the node was told last.
	shares int64

	leaving bool
}

const noWindow = -1

// answer is what the script said.
type answer struct {
	time    int64 // the server's
	window  int64
	granted int64
	id      int64
	gross   int64
	most    int64 // of this window granted and not returned
	left    int64
	out     int64 // granted and not reported as taken
	held    int64 // shares held back
	share   int64
	nodes   int64
	wait    int64
	account int64
	shares  int64
	open    bool // the window is one of which tokens are granted
}

// args gives ARGV of lease.lua.
func (c *call) args(node string, s *Spec) []any {
	leaving := "0"
	if c.leaving {
		leaving = "1"
	}
	return []any{
		node, c.nonce, s.Count, s.period() / 1000, int64(s.Window) / 1000, s.burst(),
		c.asked, c.want, c.need, c.seen, c.id, c.gross, c.most, c.back, c.used,
		c.share, int64(s.hold()) / 1000, leaving, c.shares,
	}
}

var errAnswer = errors.New("an answer that the script does not give")

// maxInteger is the largest number that the script's arithmetic has exactly.
const maxInteger = 1 << 53

// parseAnswer reads the script's reply, from a server that may be anyone.
func parseAnswer(reply any) (answer, error) {
	numbers, err := integers(reply, 15)
	if err != nil {
		return answer{}, err
	}
	a := answer{
		time: numbers[0] * 1000, window: numbers[1], granted: numbers[2], id: numbers[3], gross: numbers[4],
		most: numbers[5], left: numbers[6], out: numbers[7], held: numbers[8], share: numbers[9],
		nodes: numbers[10], wait: numbers[11] * 1000, account: numbers[12], open: numbers[13] == 1, shares: numbers[14],
	}
	if a.time <= 0 || a.window < 0 || a.granted < 0 || a.granted > tokenMask/2 || a.nodes < 1 || a.wait < 0 || a.share < -1 {
		return answer{}, errAnswer
	}
	return a, nil
}

// integers reads a list of exactly n numbers; times must fit nanoseconds.
func integers(reply any, n int) ([]int64, error) {
	list, ok := reply.([]any)
	if !ok || len(list) != n {
		return nil, errAnswer
	}
	out := make([]int64, n)
	for i, item := range list {
		v, ok := item.(int64)
		if !ok || v > maxInteger || v < -maxInteger {
			return nil, fmt.Errorf("%w: item %s", errAnswer, strconv.Itoa(i))
		}
		out[i] = v
	}
	return out, nil
}
