{{/* Where the model package comes from: the init container that fetches it, and the volumes. */}}

{{- define "tagwerk.model.fetches" -}}
{{- if has .Values.model.source (list "http" "oci") }}yes{{ end }}
{{- end }}

{{- define "tagwerk.model.init" -}}
{{- $fetch := .Values.model.fetch }}
- name: model
  image: {{ default (ternary "curlimages/curl:8.11.1" "ghcr.io/oras-project/oras:v1.2.2" (eq .Values.model.source "http")) $fetch.image | quote }}
  command:
    - sh
    - -c
    - |
      {{- .Files.Get "files/fetch-model.sh" | nindent 6 }}
  env:
    - name: SOURCE
      value: {{ .Values.model.source }}
    - name: SHA256
      value: {{ $fetch.sha256 | quote }}
    - name: NAME
      value: {{ .Values.model.name | quote }}
    - name: MODELS
      value: /models
    # oras keeps its files in the home directory, and the root is read-only.
    - name: HOME
      value: /models
    {{- if eq .Values.model.source "http" }}
    - name: URL
      value: {{ $fetch.http.url | quote }}
    {{- if $fetch.http.netrcSecret }}
    - name: NETRC
      value: /etc/fetch/credentials/netrc
    {{- end }}
    {{- else }}
    - name: REFERENCE
      value: {{ $fetch.oci.reference | quote }}
    - name: FILE
      value: {{ $fetch.oci.file | quote }}
    {{- if $fetch.oci.dockerConfigSecret }}
    - name: DOCKER_CONFIG
      value: /etc/fetch/credentials
    {{- end }}
    {{- end }}
    {{- if $fetch.caConfigMap }}
    - name: CA
      value: /etc/fetch/ca/{{ $fetch.caKey }}
    {{- end }}
  securityContext:
    {{- include "tagwerk.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 100m, memory: 64Mi}
    limits: {cpu: "1", memory: 256Mi}
  volumeMounts:
    - name: models
      mountPath: /models
    {{- if or (and (eq .Values.model.source "http") $fetch.http.netrcSecret) (and (eq .Values.model.source "oci") $fetch.oci.dockerConfigSecret) }}
    - name: fetch-credentials
      mountPath: /etc/fetch/credentials
      readOnly: true
    {{- end }}
    {{- if $fetch.caConfigMap }}
    - name: fetch-ca
      mountPath: /etc/fetch/ca
      readOnly: true
    {{- end }}
{{- end }}

{{- define "tagwerk.model.mount" -}}
{{- if ne .Values.model.source "image" }}
- name: models
  mountPath: /models
  readOnly: true
  {{- if and (eq .Values.model.source "pvc") .Values.model.pvc.subPath }}
  subPath: {{ .Values.model.pvc.subPath }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "tagwerk.model.volumes" -}}
{{- $fetch := .Values.model.fetch }}
{{- if eq .Values.model.source "pvc" }}
- name: models
  persistentVolumeClaim:
    claimName: {{ .Values.model.pvc.claimName }}
    readOnly: true
{{- else if include "tagwerk.model.fetches" . }}
- name: models
  emptyDir:
    sizeLimit: {{ $fetch.sizeLimit }}
{{- if and (eq .Values.model.source "http") $fetch.http.netrcSecret }}
- name: fetch-credentials
  secret:
    secretName: {{ $fetch.http.netrcSecret }}
    defaultMode: 0440
{{- else if and (eq .Values.model.source "oci") $fetch.oci.dockerConfigSecret }}
- name: fetch-credentials
  secret:
    secretName: {{ $fetch.oci.dockerConfigSecret }}
    defaultMode: 0440
    items:
      - key: .dockerconfigjson
        path: config.json
{{- end }}
{{- if $fetch.caConfigMap }}
- name: fetch-ca
  configMap:
    name: {{ $fetch.caConfigMap }}
{{- end }}
{{- end }}
{{- end }}
