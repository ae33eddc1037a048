{{- define "sallyport.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}{{- .Release.Name | trunc 40 | trimSuffix "-" -}}{{- else -}}{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}{{- end -}}
{{- end -}}
{{- end -}}

{{/* What tells this release's objects from others'. */}}
{{- define "sallyport.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sallyport.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{ include "sallyport.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: sallyport
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "sallyport.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "sallyport.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}{{ default (include "sallyport.fullname" .) .Values.serviceAccount.name }}{{- else -}}{{ default "default" .Values.serviceAccount.name }}{{- end -}}
{{- end -}}

{{/* "true" when every role is a Deployment of its own. */}}
{{- define "sallyport.scaled" -}}
{{- if or .Values.redis.url .Values.redis.existingSecret -}}true{{- end -}}
{{- end -}}

{{/* The components that are gates, separated by spaces. */}}
{{- define "sallyport.components" -}}
{{- if include "sallyport.scaled" . -}}
proxy{{ if .Values.webhook.enabled }} webhook{{ end }}{{ if .Values.console.enabled }} console{{ end }}
{{- else -}}
gate
{{- end -}}
{{- end -}}

{{/* The component that has a front: call with (dict "root" $ "role" "proxy"). */}}
{{- define "sallyport.component" -}}
{{- if include "sallyport.scaled" .root -}}{{ .role }}{{- else -}}gate{{- end -}}
{{- end -}}

{{- define "sallyport.priorityClass" -}}
{{- if .Values.priorityClass.create -}}{{ .Values.priorityClass.name | default (include "sallyport.fullname" .) }}{{- else -}}{{ .Values.priorityClass.name }}{{- end -}}
{{- end -}}

{{- define "sallyport.sandboxSecret" -}}
{{ .Values.sandbox.existingSecret | default (printf "%s-sandbox" (include "sallyport.fullname" .)) }}
{{- end -}}

{{- define "sallyport.sandboxTLS" -}}
{{ .Values.sandbox.tls.existingSecret | default (printf "%s-sandbox-tls" (include "sallyport.fullname" .)) }}
{{- end -}}

{{/* "true" when images are run, here or elsewhere. */}}
{{- define "sallyport.analysis" -}}
{{- if or .Values.sandbox.enabled .Values.sandbox.external.endpoint -}}true{{- end -}}
{{- end -}}

{{/* The names of a Service inside the cluster, as a YAML list. */}}
{{- define "sallyport.serviceNames" -}}
{{- $service := .service -}}
{{- with .root -}}
- {{ $service }}
- {{ $service }}.{{ .Release.Namespace }}
- {{ $service }}.{{ .Release.Namespace }}.svc
- {{ $service }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end -}}
{{- end -}}

{{/* What every container of the chart may do: nothing but compute. */}}
{{- define "sallyport.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* "true" when what runs is judged again: by the embedded gate, or with Redis by the webhook's replicas. */}}
{{- define "sallyport.controller" -}}
{{- if and .Values.controller.enabled (or .Values.webhook.enabled (not (include "sallyport.scaled" .))) -}}true{{- end -}}
{{- end -}}

{{/* "true" when an upstream is asked with pull secrets of the release's namespace. */}}
{{- define "sallyport.ownSecrets" -}}
{{- range dig "proxy" "upstreams" list .Values.config -}}
{{- $from := .credentials | default list -}}
{{- if kindIs "string" $from -}}{{- $from = list $from -}}{{- end -}}
{{- if has "kubernetes" $from }}true{{ end -}}
{{- end -}}
{{- end -}}

{{/* Where pods of a role run: call with (dict "root" $ "role" "proxy"). */}}
{{- define "sallyport.placement" -}}
{{- $pod := merge (deepCopy (get .root.Values .role)) .root.Values.pod -}}
{{- with $pod.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $pod.topologySpread.enabled }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $pod.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "sallyport.selector" $.root | nindent 8 }}
        app.kubernetes.io/component: {{ $.role }}
{{- end }}
{{- end }}
terminationGracePeriodSeconds: {{ $pod.terminationGracePeriodSeconds }}
{{- end -}}

{{/* The Secret that holds the webhook's certificate, in the modes certManager and secret. */}}
{{- define "sallyport.webhookTLS" -}}
{{ .Values.webhook.certificates.secretName | default (printf "%s-webhook-tls" (include "sallyport.fullname" .)) }}
{{- end -}}
