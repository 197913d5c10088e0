// Package traffic keeps a gateway in touch with its traffic manager.
//
// One way go the events of allowed requests: appended to a bounded queue
// without waiting, posted in batches. The other way come decisions, key
// templates, blocking conditions and revoked tokens: as messages of a topic,
// and as snapshots pulled at the start and after every loss of the topic. What
// an event says and what a decision means is the throttle room's business; how
// messages travel is the jms room's.
//
// Nothing here delays a request. Without a manager events are dropped and
// counted, without a topic snapshots are polled.
package traffic

import (
	"crypto/rand"
	"encoding/hex"
)

// NewNode makes an identity for this run of this gateway.
func NewNode() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}
