package config

func (l *loader) hubKeys() []key {
	c := &l.cfg.EventHub
	const table = "apim.eventHub."
	return []key{
		{path: table + "enable", status: later, set: flag(&c.Enabled, false)},
		{path: table + "serviceUrl", status: later, set: link(&c.URL, "https://localhost:9443")},
		{path: table + "internalDataContext", status: later, set: text(&c.Context, "/internal/data/v1/")},
		{path: table + "username", status: later, set: text(&c.Account.Username, "admin")},
		{path: table + "password", status: later, set: secret(&c.Account.Password, "admin"), secret: true},
		{path: table + "eventListeningEndpoints", status: later, set: secrets(&c.Listeners, Secret{defaultProvider}), secret: true},
		{path: table + "service_url", status: unused, set: ignored},
		{path: table + "listOfTenants", status: unused, set: ignored},
		{path: "apim.credentials.username", status: later, set: text(&l.cfg.ClaimsUser.Username, "admin")},
		{path: "apim.credentials.password", status: later, set: secret(&l.cfg.ClaimsUser.Password, "admin"), secret: true},
	}
}

// analyticsKeys are those of services that this gateway does not report to.
func (l *loader) analyticsKeys() []key {
	return []key{
		{path: "analytics.streamVersion", status: unused, set: text(new(string), "3.2.0")},
		{path: "analytics.fileUpload.enable", status: unused, set: flag(new(bool), false)},
		{path: "analytics.fileUpload.uploadingTimeSpanInMillis", status: unused, set: number(new(int), 600000, 0, 1<<31)},
		{path: "analytics.fileUpload.initialDelayInMillis", status: unused, set: number(new(int), 5000, 0, 1<<31)},
		{path: "analytics.fileUpload.uploadingEndpoint", status: unused, set: link(new(string), "https://localhost:9444/analytics/v1.0/usage/upload-file")},
		{path: "analytics.fileUpload.rotatingPeriod", status: unused, set: number(new(int), 600000, 0, 1<<31)},
		{path: "analytics.fileUpload.taskUploadFiles", status: unused, set: flag(new(bool), true)},
		{path: "analytics.fileUpload.username", status: unused, set: text(new(string), "admin")},
		{path: "analytics.fileUpload.password", status: unused, set: secret(new(Secret), "admin"), secret: true},
		{path: "analytics.gRPCAnalytics.enable", status: unused, set: flag(new(bool), false)},
		{path: "analytics.gRPCAnalytics.endpointURL", status: unused, set: link(new(string), "https://localhost:9806")},
		{path: "analytics.gRPCAnalytics.reconnectTimeInMillies", status: unused, set: number(new(int), 6000, 0, 1<<31)},
		{path: "analytics.gRPCAnalytics.timeoutInMillis", status: unused, set: number(new(int), 2147483647, 0, 1<<31)},
		{path: "analytics.elkAnalytics.enable", status: unused, set: flag(new(bool), false)},
		{path: "analytics.choreoAnalytics.enable", status: unused, set: flag(new(bool), false)},
		{path: "analytics.choreoAnalytics.configEndpoint", status: unused, set: link(new(string), "https://analytics-event-auth.choreo.dev/auth/v1")},
		{path: "analytics.choreoAnalytics.authToken", status: unused, set: secret(new(Secret), ""), secret: true},
		// The launcher of the original passes it along.
		{path: "api.usage.data.path", status: unused, set: text(new(string), "")},
	}
}
