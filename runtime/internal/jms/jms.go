// Package jms speaks to a message broker the way WSO2's JMS clients do: topics
// are routing keys on AMQP 0-9-1 exchange amq.topic, bodies are JMS map and
// text messages.
//
// It parses provider URLs, codes message bodies, and keeps a subscription or a
// publisher alive for ever over brokers that come and go. What the messages
// mean is the business of whoever subscribes. The AMQP client below it is not
// maintained and trusts its peer; so the package never lets it see a frame that
// a validating connection has not checked, and no call waits without bound.
package jms
