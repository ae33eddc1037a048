{{/* What cannot work is said before anything is installed. */}}
{{- define "sallyport.check" -}}
{{- $p := .Values.storage.persistence -}}
{{- if include "sallyport.scaled" . -}}
  {{- if not .Values.storage.driver -}}
    {{- if not $p.enabled -}}{{- fail "with redis, replicas share the storage: set storage.driver (s3, gcs, azure), or storage.persistence with accessModes [ReadWriteMany]" -}}{{- end -}}
    {{- if not (or $p.existingClaim (has "ReadWriteMany" $p.accessModes)) -}}{{- fail "with redis, replicas share the storage: set storage.driver (s3, gcs, azure), or storage.persistence.accessModes to [ReadWriteMany] with a storage class that can do that" -}}{{- end -}}
  {{- end -}}
{{- end -}}
{{- if gt (len .Values.storage.driver) 1 -}}{{- fail (printf "storage.driver names %d drivers (%s): keep one" (len .Values.storage.driver) (keys .Values.storage.driver | sortAlpha | join ", ")) -}}{{- end -}}
{{- if and (eq .Values.webhook.certificates.mode "secret") (not (and .Values.webhook.certificates.secretName .Values.webhook.certificates.caBundle)) -}}
  {{- fail "webhook.certificates.mode secret needs secretName and caBundle" -}}
{{- end -}}
{{- if and (eq .Values.webhook.mutate "gate") (not .Values.proxy.names) -}}{{- fail "webhook.mutate gate needs proxy.names: the first is what nodes are told to pull from" -}}{{- end -}}
{{- if and .Values.sandbox.external.endpoint (not .Values.sandbox.existingSecret) -}}{{- fail "sandbox.external.endpoint needs sandbox.existingSecret, a Secret with the key token" -}}{{- end -}}
{{- range list "proxy" "console" -}}
  {{- $front := get $.Values . -}}
  {{- if and $front.tls.certManager.enabled (not $front.tls.secretName) -}}{{- fail (printf "%s.tls.certManager needs %s.tls.secretName, the Secret to make" . .) -}}{{- end -}}
  {{- if and $front.ingress.enabled (not $front.ingress.host) -}}{{- fail (printf "%s.ingress needs a host" .) -}}{{- end -}}
  {{- if and $front.gateway.enabled (not $front.gateway.parentRefs) -}}{{- fail (printf "%s.gateway needs parentRefs, the Gateway that it belongs to" .) -}}{{- end -}}
{{- end -}}
{{- if and .Values.policies.documents .Values.policies.existingConfigMap -}}{{- fail "policies.documents and policies.existingConfigMap exclude each other" -}}{{- end -}}
{{- if regexMatch "://[^/@]*:[^/@]+@" .Values.redis.url -}}{{- fail "redis.url holds a password: put the whole URL into a Secret and name it in redis.existingSecret" -}}{{- end -}}
{{- end -}}
