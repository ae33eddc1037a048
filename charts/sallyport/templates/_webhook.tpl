{{- define "sallyport.webhookAnnotations" -}}
{{- if or .Values.webhook.annotations (eq .Values.webhook.certificates.mode "certManager") -}}
annotations:
  {{- if eq .Values.webhook.certificates.mode "certManager" }}
  cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/{{ include "sallyport.fullname" . }}-webhook
  {{- end }}
  {{- with .Values.webhook.annotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* How the API server reaches a path of the webhook: call with (dict "root" $ "path" "/validate"). */}}
{{- define "sallyport.webhookService" -}}
{{- $path := .path -}}
{{- with .root -}}
admissionReviewVersions: [v1]
sideEffects: NoneOnDryRun
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
matchPolicy: Equivalent
clientConfig:
  service:
    name: {{ include "sallyport.fullname" . }}-webhook
    namespace: {{ .Release.Namespace }}
    port: {{ .Values.webhook.service.port }}
    path: {{ $path }}
  {{- if eq .Values.webhook.certificates.mode "secret" }}
  caBundle: {{ .Values.webhook.certificates.caBundle }}
  {{- end }}
{{- with .Values.webhook.matchConditions }}
matchConditions: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* A validating entry: call with (dict "root" $ "path" "/validate" "policy" "Fail"). */}}
{{- define "sallyport.webhook" -}}
{{ include "sallyport.webhookService" . }}
failurePolicy: {{ .policy }}
rules:
  - {apiGroups: [""], apiVersions: [v1], resources: [pods, pods/ephemeralcontainers, podtemplates, replicationcontrollers], operations: [CREATE, UPDATE], scope: Namespaced}
  - {apiGroups: [apps], apiVersions: [v1], resources: [replicasets, deployments, statefulsets, daemonsets], operations: [CREATE, UPDATE], scope: Namespaced}
  - {apiGroups: [batch], apiVersions: [v1], resources: [jobs, cronjobs], operations: [CREATE, UPDATE], scope: Namespaced}
  {{- if .root.Capabilities.APIVersions.Has "apps.openshift.io/v1" }}
  - {apiGroups: [apps.openshift.io], apiVersions: [v1], resources: [deploymentconfigs], operations: [CREATE, UPDATE], scope: Namespaced}
  {{- end }}
  {{- range .root.Values.webhook.rules }}
  - {{- toYaml (merge (deepCopy .) (dict "operations" (list "CREATE" "UPDATE") "scope" "Namespaced")) | nindent 4 }}
  {{- end }}
{{- end -}}
