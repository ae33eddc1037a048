{{/*
The pod of a gate: call with (dict "root" $ "component" "gate" "command" "serve").
*/}}
{{- define "sallyport.gatePod" -}}
{{- $component := .component -}}
{{- $command := .command -}}
{{- $role := merge (deepCopy (get .root.Values .component)) .root.Values.pod -}}
{{- with .root -}}
{{- $full := include "sallyport.fullname" . -}}
{{- $proxy := or (eq $component "gate") (eq $component "proxy") -}}
{{- $webhook := or (eq $component "gate") (eq $component "webhook") -}}
{{- $console := or (eq $component "gate") (eq $component "console") -}}
metadata:
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ $component }}
    {{- with $role.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/settings: {{ include "sallyport.settings" . | sha256sum }}
    {{- with $role.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "sallyport.serviceAccount" . }}
  automountServiceAccountToken: {{ or (and $webhook (or .Values.webhook.enabled (not (empty (include "sallyport.controller" .))))) .Values.rbac.readPullSecrets (not (empty (include "sallyport.ownSecrets" .))) }}
  # Kubernetes would set SALLYPORT_… variables for the Services, which are no settings.
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with include "sallyport.priorityClass" . }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext: {{- toYaml $role.securityContext | nindent 4 }}
  {{- include "sallyport.placement" (dict "root" . "role" $component) | nindent 2 }}
  containers:
    - name: {{ $component }}
      image: {{ include "sallyport.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [{{ $command }}, --config, /etc/sallyport/config.yaml]
      securityContext: {{- include "sallyport.containerSecurity" . | nindent 8 }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: POD_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        - name: GOMEMLIMIT
          valueFrom: {resourceFieldRef: {resource: limits.memory}}
        {{- if not $webhook }}
        - {name: SALLYPORT_CLUSTER_REJUDGE_ENABLED, value: "false"}
        {{- end }}
        {{- if .Values.redis.existingSecret }}
        - name: SALLYPORT_REDIS_URL
          valueFrom: {secretKeyRef: {name: {{ .Values.redis.existingSecret }}, key: {{ .Values.redis.existingSecretKey }}}}
        {{- end }}
        {{- if include "sallyport.analysis" . }}
        - name: SALLYPORT_ANALYSIS_TOKEN
          valueFrom: {secretKeyRef: {name: {{ include "sallyport.sandboxSecret" . }}, key: token}}
        {{- end }}
        {{- if and $console .Values.console.enabled }}
        - name: SALLYPORT_CONSOLE_ADMIN_TOKEN
          valueFrom: {secretKeyRef: {name: {{ .Values.console.existingSecret | default (printf "%s-admin" $full) }}, key: token}}
        {{- end }}
        {{- if or .Values.trust.configMap .Values.trust.secret }}
        - {name: SSL_CERT_DIR, value: "/etc/sallyport/trust"}
        {{- end }}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or .Values.envFrom .Values.storage.existingSecret }}
      envFrom:
        {{- with .Values.storage.existingSecret }}
        - secretRef: {name: {{ . }}}
        {{- end }}
        {{- with .Values.envFrom }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        {{- if $proxy }}
        - {name: proxy, containerPort: 5000}
        {{- if and .Values.sandbox.enabled (not .Values.sandbox.external.endpoint) }}
        - {name: pull, containerPort: 5001}
        {{- end }}
        {{- end }}
        {{- if $webhook }}
        - {name: webhook, containerPort: 9443}
        {{- end }}
        {{- if $console }}
        - {name: console, containerPort: 8080}
        {{- end }}
        - {name: metrics, containerPort: 9090}
      startupProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 1
        failureThreshold: 120
      livenessProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 2
        timeoutSeconds: 2
      {{- with $role.resources }}
      resources: {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        - {name: settings, mountPath: /etc/sallyport/config.yaml, subPath: config.yaml, readOnly: true}
        - {name: data, mountPath: /var/lib/sallyport}
        - {name: tmp, mountPath: /tmp}
        {{- if and (include "sallyport.scaled" .) (not .Values.storage.driver) }}
        - {name: storage, mountPath: /var/lib/sallyport-storage}
        {{- end }}
        {{- if or .Values.policies.documents .Values.policies.existingConfigMap }}
        - {name: policies, mountPath: /etc/sallyport/policies, readOnly: true}
        {{- end }}
        {{- if or .Values.trust.configMap .Values.trust.secret }}
        - {name: trust, mountPath: /etc/sallyport/trust, readOnly: true}
        {{- end }}
        {{- if and $proxy .Values.proxy.tls.secretName }}
        - {name: proxy-tls, mountPath: /etc/sallyport/proxy-tls, readOnly: true}
        {{- end }}
        {{- if and $webhook .Values.webhook.enabled (ne .Values.webhook.certificates.mode "self") }}
        - {name: webhook-tls, mountPath: /etc/sallyport/webhook-tls, readOnly: true}
        {{- end }}
        {{- if and $console .Values.console.tls.secretName }}
        - {name: console-tls, mountPath: /etc/sallyport/console-tls, readOnly: true}
        {{- end }}
        {{- if include "sallyport.sandboxCA" . }}
        - {name: sandbox-ca, mountPath: /etc/sallyport/sandbox-ca, readOnly: true}
        {{- end }}
        {{- with .Values.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: settings
      configMap: {name: {{ $full }}}
    - name: tmp
      emptyDir: {sizeLimit: 1Gi}
    - name: data
      {{- if and (eq $component "gate") .Values.storage.persistence.enabled }}
      persistentVolumeClaim: {claimName: {{ .Values.storage.persistence.existingClaim | default $full }}}
      {{- else }}
      emptyDir: {sizeLimit: {{ .Values.storage.scratch }}}
      {{- end }}
    {{- if and (include "sallyport.scaled" .) (not .Values.storage.driver) }}
    - name: storage
      persistentVolumeClaim: {claimName: {{ .Values.storage.persistence.existingClaim | default $full }}}
    {{- end }}
    {{- if or .Values.policies.documents .Values.policies.existingConfigMap }}
    - name: policies
      configMap: {name: {{ .Values.policies.existingConfigMap | default (printf "%s-policies" $full) }}}
    {{- end }}
    {{- if or .Values.trust.configMap .Values.trust.secret }}
    - name: trust
      projected:
        sources:
          {{- with .Values.trust.configMap }}
          - configMap: {name: {{ . }}}
          {{- end }}
          {{- with .Values.trust.secret }}
          - secret: {name: {{ . }}}
          {{- end }}
    {{- end }}
    {{- if and $proxy .Values.proxy.tls.secretName }}
    - name: proxy-tls
      secret: {secretName: {{ .Values.proxy.tls.secretName }}, defaultMode: 0440}
    {{- end }}
    {{- if and $webhook .Values.webhook.enabled (ne .Values.webhook.certificates.mode "self") }}
    - name: webhook-tls
      secret: {secretName: {{ include "sallyport.webhookTLS" . }}, defaultMode: 0440}
    {{- end }}
    {{- if and $console .Values.console.tls.secretName }}
    - name: console-tls
      secret: {secretName: {{ .Values.console.tls.secretName }}, defaultMode: 0440}
    {{- end }}
    {{- if eq (include "sallyport.sandboxCA" .) "secret" }}
    - name: sandbox-ca
      secret: {secretName: {{ include "sallyport.sandboxTLS" . }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
    {{- else if include "sallyport.sandboxCA" . }}
    - name: sandbox-ca
      configMap: {name: {{ $full }}, items: [{key: sandbox-ca.crt, path: ca.crt}]}
    {{- end }}
    {{- with .Values.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/* Where the sandbox's authority is: "secret", "value", or nothing. */}}
{{- define "sallyport.sandboxCA" -}}
{{- if .Values.sandbox.external.endpoint -}}{{- if .Values.sandbox.external.ca -}}value{{- end -}}
{{- else if .Values.sandbox.enabled -}}secret{{- end -}}
{{- end -}}
