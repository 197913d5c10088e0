package startup

// What a gateway logs when it has taken another configuration, or has not. The
// launcher looks for it.
const (
	ConfigurationReloaded = "the configuration was reloaded"
	ConfigurationRefused  = "the configuration was refused; the one before stays"
)
