{{/* The settings file, written by hand: toToml would make 30.0 out of 30. */}}

{{/* One value. Strings and lists are the same in JSON and TOML. */}}
{{- define "tagwerk.toml.value" -}}
{{- if kindIs "float64" . }}
{{- if eq . (floor .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- else }}
{{- toJson . }}
{{- end }}
{{- end }}

{{/* A dict of sections, without those that are empty. */}}
{{- define "tagwerk.toml" -}}
{{- range $section, $settings := . }}
{{- if $settings }}
[{{ $section }}]
{{- range $key, $value := $settings }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ include "tagwerk.toml.value" $value }}
{{- end }}
{{- end }}
{{ end }}
{{- end }}
{{- end }}

{{/* What the user says, and what the chart settles. */}}
{{- define "tagwerk.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $server := dict "grace_seconds" .Values.termination.graceSeconds }}
{{- if .Values.auth.insecure }}{{ $_ := set $server "insecure" true }}{{ end }}
{{- $auth := dict }}
{{- if include "tagwerk.keysSecret" . }}
{{- $_ := set $auth "keys" (printf "/etc/tagwerk-keys/%s" .Values.auth.apiKeys.key) }}
{{- end }}
{{- $jwks := .Values.auth.jwks }}
{{- if $jwks.url }}
{{- $_ := set $auth "jwks" $jwks.url }}
{{- else if or $jwks.secretName $jwks.configMapName }}
{{- $_ := set $auth "jwks" (printf "/etc/tagwerk-jwks/%s" $jwks.key) }}
{{- end }}
{{- if $jwks.issuer }}{{ $_ := set $auth "issuer" $jwks.issuer }}{{ end }}
{{- if $jwks.audience }}{{ $_ := set $auth "audience" $jwks.audience }}{{ end }}
{{- $tls := dict }}
{{- if .Values.tls.enabled }}
{{- $tls = dict "certificate" "/etc/tagwerk-tls/tls.crt" "key" "/etc/tagwerk-tls/tls.key" }}
{{- if .Values.tls.clientCa.enabled }}
{{- $_ := set $tls "client_ca" (printf "/etc/tagwerk-client-ca/%s" .Values.tls.clientCa.key) }}
{{- end }}
{{- end }}
{{- $model := dict "model" .Values.model.name }}
{{- if ne .Values.model.source "image" }}{{ $_ := set $model "models" "/models" }}{{ end }}
{{- range $section, $settings := dict "server" $server "auth" $auth "tls" $tls "model" $model }}
{{- $_ := set $config $section (merge $settings (default dict (get $config $section))) }}
{{- end }}
{{- include "tagwerk.toml" $config | trim }}
{{- end }}
