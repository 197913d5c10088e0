package config

import "slices"

func (l *loader) reloadKeys() []key {
	return []key{{path: "reloadConfig.watch", set: flag(&l.cfg.Reload.Watch, true)}}
}

// reads notes a file that the gateway will read.
func (l *loader) reads(file string) {
	if file != "" {
		l.cfg.Files = append(l.cfg.Files, file)
	}
}

// finishFiles orders the files that were named. The access log is written.
func (l *loader) finishFiles() {
	c := l.cfg
	slices.Sort(c.Files)
	c.Files = slices.Compact(c.Files)
	c.Files = slices.DeleteFunc(c.Files, func(file string) bool { return file == c.AccessLog.Path })
}
