{{/* Names, labels, and the addresses of the release. */}}

{{- define "tagwerk.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* 50 characters at most: the suffixes of the objects must fit into 63. */}}
{{- define "tagwerk.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "tagwerk.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tagwerk.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tagwerk.release" -}}
app.kubernetes.io/name: {{ include "tagwerk.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* What selects the pods of the server. It never changes in the life of a release. */}}
{{- define "tagwerk.selector" -}}
{{ include "tagwerk.release" . }}
app.kubernetes.io/component: server
{{- end }}

{{/* Labels that the chart sets come last: those of the user cannot replace them. */}}
{{- define "tagwerk.labels" -}}
{{- $own := dict
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_")
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service
}}
{{- toYaml (merge $own (include "tagwerk.release" . | fromYaml) .Values.commonLabels) }}
{{- end }}

{{- define "tagwerk.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- end }}
{{- end }}

{{- define "tagwerk.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "tagwerk.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* The Secret with the server's certificate. */}}
{{- define "tagwerk.tlsSecret" -}}
{{- default (printf "%s-tls" (include "tagwerk.fullname" .)) .Values.tls.existingSecret }}
{{- end }}

{{/* The Secret with the file of API keys; empty where there are none. */}}
{{- define "tagwerk.keysSecret" -}}
{{- if .Values.auth.apiKeys.existingSecret }}
{{- .Values.auth.apiKeys.existingSecret }}
{{- else if .Values.auth.apiKeys.hashes }}
{{- printf "%s-keys" (include "tagwerk.fullname" .) }}
{{- end }}
{{- end }}

{{/* The name by which pods reach the ClusterIP Service. */}}
{{- define "tagwerk.host" -}}
{{ include "tagwerk.fullname" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{/* The series of this release, as a ServiceMonitor labels them. */}}
{{- define "tagwerk.series" -}}
{{- if .Values.monitoring.rules.selector }}
{{- .Values.monitoring.rules.selector }}
{{- else -}}
namespace="{{ .Release.Namespace }}",job="{{ include "tagwerk.fullname" . }}"
{{- end }}
{{- end }}

{{/* The highest version of Kubernetes that cannot wait before the end of a container by itself is 1.29. */}}
{{- define "tagwerk.bringsSleep" -}}
{{- if and (gt (int .Values.termination.preStopSeconds) 0) (semverCompare "<1.30.0-0" .Capabilities.KubeVersion.Version) }}yes{{ end }}
{{- end }}
