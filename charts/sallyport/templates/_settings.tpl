{{/*
The gate's settings: what the chart knows, and .Values.config over it.
*/}}
{{- define "sallyport.settings" -}}
{{- $full := include "sallyport.fullname" . -}}
{{- $proxyPort := int .Values.proxy.service.port -}}
{{- $names := list -}}
{{- range (include "sallyport.serviceNames" (dict "root" . "service" (printf "%s-proxy" $full)) | fromYamlArray) -}}
{{- $names = append $names (printf "%s:%d" . $proxyPort) -}}
{{- end -}}
{{- with .Values.proxy.service.clusterIP -}}{{- if ne . "None" -}}{{- $names = append $names (printf "%s:%d" . $proxyPort) -}}{{- end -}}{{- end -}}
{{- with .Values.proxy.ingress -}}{{- if and .enabled .host -}}{{- $names = append $names .host -}}{{- end -}}{{- end -}}
{{- $names = uniq (concat $names .Values.proxy.names) -}}
{{- $set := dict
  "data" "/var/lib/sallyport"
  "log" (dict "format" "json")
  "proxy" (dict "listen" ":5000" "names" $names)
  "webhook" (dict "listen" ":9443" "names" (include "sallyport.serviceNames" (dict "root" . "service" (printf "%s-webhook" $full)) | fromYamlArray))
  "console" (dict "listen" ":8080")
  "metrics" (dict "listen" ":9090")
  "analysis" (dict "enabled" false)
  "sandbox" (dict "local" false "timeout" .Values.sandbox.timeout)
  "shutdown" (dict "delay" "10s" "drain" "25s")
-}}
{{- if .Values.storage.driver -}}{{- $_ := set $set "storage" .Values.storage.driver -}}
{{- else if include "sallyport.scaled" . -}}{{- $_ := set $set "storage" (dict "filesystem" (dict "rootdirectory" "/var/lib/sallyport-storage")) -}}{{- end -}}
{{- if and .Values.redis.url (not .Values.redis.existingSecret) -}}{{- $_ := set $set "redis" (dict "url" .Values.redis.url) -}}{{- end -}}
{{- if .Values.proxy.tls.secretName -}}{{- $_ := set $set.proxy "tls" (dict "certificate" "/etc/sallyport/proxy-tls/tls.crt" "key" "/etc/sallyport/proxy-tls/tls.key") -}}{{- end -}}
{{- if .Values.console.tls.secretName -}}{{- $_ := set $set.console "tls" (dict "certificate" "/etc/sallyport/console-tls/tls.crt" "key" "/etc/sallyport/console-tls/tls.key") -}}{{- end -}}
{{- if .Values.sandbox.external.endpoint -}}
  {{- $_ := set $set "analysis" (dict "enabled" true "endpoint" .Values.sandbox.external.endpoint "pull_from" (first .Values.proxy.names | default (printf "%s-proxy.%s.svc:%d" $full .Release.Namespace $proxyPort))) -}}
  {{- if .Values.sandbox.external.ca -}}{{- $_ := set $set.analysis "ca" "/etc/sallyport/sandbox-ca/ca.crt" -}}{{- end -}}
{{- else if .Values.sandbox.enabled -}}
  {{- $_ := set $set "analysis" (dict "enabled" true
    "endpoint" (printf "https://%s-sandbox.%s.svc:8443" $full .Release.Namespace)
    "ca" "/etc/sallyport/sandbox-ca/ca.crt"
    "pull_from" (printf "%s-pull.%s.svc:5001" $full .Release.Namespace)) -}}
  {{- $_ := set $set.proxy "grants_listen" ":5001" -}}
{{- end -}}
{{- $w := .Values.webhook -}}
{{- if eq $w.certificates.mode "self" -}}
  {{- $publish := list (printf "validatingwebhookconfigurations/%s" $full) -}}
  {{- if ne $w.mutate "off" -}}{{- $publish = append $publish (printf "mutatingwebhookconfigurations/%s" $full) -}}{{- end -}}
  {{- $_ := set $set.webhook "certificates" (dict "secret" (printf "%s-webhook" $full) "publish" $publish) -}}
{{- else -}}
  {{- $_ := set $set.webhook "tls" (dict "certificate" "/etc/sallyport/webhook-tls/tls.crt" "key" "/etc/sallyport/webhook-tls/tls.key") -}}
{{- end -}}
{{- if not $w.enabled -}}{{- $_ := unset $set.webhook "certificates" -}}{{- $_ := unset $set.webhook "tls" -}}{{- end -}}
{{- if ne $w.mutate "off" -}}{{- $_ := set $set.webhook "mutate" $w.mutate -}}{{- end -}}
{{- if eq $w.mutate "gate" -}}{{- $_ := set $set.webhook "gate" (first .Values.proxy.names) -}}{{- end -}}
{{- $rejudge := dict "enabled" (not (empty (include "sallyport.controller" .))) "exempt" $w.exemptNamespaces "exempt_selector" (printf "%s=%s" $w.label.key $w.label.exempt) "annotate" .Values.controller.annotate "lease" $full -}}
{{- if .Values.controller.evict -}}
  {{- $_ := set $rejudge "enforce_running" "evict" -}}
  {{- $_ := set $rejudge "evict_selector" ($w.enforceAll | ternary (printf "%s!=%s" $w.label.key $w.label.exempt) (printf "%s=%s" $w.label.key $w.label.enforce)) -}}
{{- end -}}
{{- $_ := set $set "cluster" (dict "rejudge" $rejudge) -}}
{{- if or .Values.policies.documents .Values.policies.existingConfigMap -}}{{- $_ := set $set "policies" (dict "dir" "/etc/sallyport/policies") -}}{{- end -}}
{{- include "sallyport.over" (dict "base" $set "over" .Values.config) -}}
{{- toYaml $set -}}
{{- end -}}

{{/*
Puts over onto base, in place, key by key: what is false, 0 or empty there, too,
which mergeOverwrite would leave out.
*/}}
{{- define "sallyport.over" -}}
{{- $base := .base -}}
{{- range $key, $value := .over -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $base $key)) -}}
{{- include "sallyport.over" (dict "base" (get $base $key) "over" $value) -}}
{{- else -}}
{{- $_ := set $base $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
