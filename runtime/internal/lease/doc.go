// Package lease keeps limits of the whole cluster exact, without a round trip
// on a request's path: each node takes tokens from Redis in chunks, ahead of
// need, and requests take them from memory (design section 6, Leases).
//
// In comes a Spec, out a Limit: Take and Acquire give a token or say that the
// limit is spent. Without Redis the same limit is one of this node alone. No
// request waits for Redis longer than its own patience, no call is ever sent
// twice, and no HTTP is spoken here.
//
// Three layers: machine (what one node holds, says and believes: no I/O, no
// clock), lease.lua (what the server does, in one step), runner and store
// (batches, connections, time-outs).
//
// # Shape window
//
// The server grants at most Count tokens of a window and never one of a window
// that is not its current one. A grant is read at server time TIME, after the
// node's clock read sent; a token is taken while TIME + (now - sent) < end -
// guard, hence before the window ends on the server's clock. So no more than
// Count are taken in a window, with any number of nodes and any delays.
// Tokens given back leave the node's word before they are sent.
//
// # Shape smooth: the bound
//
// The server keeps an account (GCRA): with rate R = Count/Window and burst B =
// max(1, R x 50 ms), a grant of n moves it by n/R and is made only if it then
// is at most B/R ahead of time. Let the grants of the server's interval [a, b]
// be n1..nk. At the first the account is at a or later, after the last at most
// B/R beyond b, and each moves it by at least ni/R: so sum(ni) <= R(b-a) + B,
// and R x 1 us for rounding. A token lives 40 ms from sent, so whatever is
// taken in [s, s+t] was granted in [s - 40 ms, s+t]. Nothing is given back.
// Hence any interval of length t holds at most
//
//	R x t + B + R x 40 ms
//
// tokens: of a second, 9 % over the rate where R x 50 ms is at least 1. Where
// shares are held back a token moves the account by more, and where one token
// alone needs more than B/R, it is granted only to an account that is even,
// as if B were 1. A node on its share adds one token.
//
// # Shares
//
// A Reserve limit keeps each node's share in Redis; their sum is at most
// Count. By asking in a window a node renounces its share for it (smooth: and
// for the next second); the shares of nodes that did not are held back. A node
// that loses two calls one after the other goes on its share in the first
// window that it has not asked in. A share grows only for windows to come; of a withdrawn one nothing is
// granted before the node acknowledged; what a node had that leaves without
// having renounced counts as taken. A node not heard for ten minutes loses its
// share, and knows it. A server that forgot holds back as much as all shares
// were, until their nodes have told theirs.
//
// # A server that forgets
//
// Each call carries what the node saw of the window: the state's identity and
// how much was granted. A server whose data was lost takes over the highest; of
// windows up to a second it grants none before the next one, of longer ones
// none for a second, in which nodes remind it. More than Count can be taken by
// what was granted after the last answer that a live node remembers.
// Windows of minutes and more want an append-only file, and a Redis that
// evicts nothing.
//
// # Clocks
//
// A server whose TIME is off a node's prediction by more than the round trip
// and 50 ms was stepped: tokens in hand are dropped, service resumes with the
// server's next window. A node whose wall and monotonic clock came apart by 50
// ms was suspended: tokens are dropped, time is asked anew.
package lease
