package harness

import "context"

// Gateway is a running gateway executable.
type Gateway struct {
	*Process
	HTTP  string // http://127.0.0.1:port
	HTTPS string // https://127.0.0.1:port
}

// StartGateway runs a gateway executable through the launcher, on free ports,
// and waits until it listens.
func (t Tools) StartGateway(ctx context.Context, dir, executable string, flags ...string) (*Gateway, error) {
	return t.StartGatewayIn(ctx, dir, nil, executable, flags...)
}

// StartGatewayIn is StartGateway with variables on top of the environment.
func (t Tools) StartGatewayIn(ctx context.Context, dir string, env []string, executable string, flags ...string) (*Gateway, error) {
	args := append([]string{executable,
		"--set", "listenerConfig.host=127.0.0.1",
		"--set", "listenerConfig.httpPort=0",
		"--set", "listenerConfig.httpsPort=0",
		"--set", "adminConfig.port=0",
	}, flags...)
	p, err := Start(dir, env, t.Path("gateway"), args...)
	if err != nil {
		return nil, err
	}
	g := &Gateway{Process: p}
	for _, listener := range []struct {
		name string
		url  *string
	}{{"HTTPS", &g.HTTPS}, {"HTTP", &g.HTTP}} {
		m, err := p.WaitLine(ctx, `\b`+listener.name+` listener is active on port (\d+)`)
		if err != nil {
			p.Stop()
			return nil, err
		}
		scheme := map[string]string{"HTTP": "http", "HTTPS": "https"}[listener.name]
		*listener.url = scheme + "://127.0.0.1:" + m[1]
	}
	return g, nil
}

// Admin waits until the gateway's admin listener listens, and gives its URL.
func (g *Gateway) Admin(ctx context.Context) (string, error) {
	m, err := g.WaitLine(ctx, `the admin listener is active.*\baddress=(\S+)`)
	if err != nil {
		return "", err
	}
	return "http://" + m[1], nil
}
