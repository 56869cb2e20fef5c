{{/* What the schema cannot see. Everything that is wrong is told at once, each with its field. */}}

{{- define "tagwerk.checks" -}}
{{- $problems := list }}
{{- $v := .Values }}

{{- $places := 0 }}
{{- range list $v.auth.jwks.url $v.auth.jwks.secretName $v.auth.jwks.configMapName }}
{{- if . }}{{ $places = add1 $places }}{{ end }}
{{- end }}
{{- if gt (int $places) 1 }}
{{- $problems = append $problems "auth.jwks: url, secretName and configMapName are three places of the same keys; set one of them" }}
{{- end }}
{{- if and (eq (int $places) 0) (or $v.auth.jwks.issuer $v.auth.jwks.audience) }}
{{- $problems = append $problems "auth.jwks: issuer and audience are checked in tokens; say where their keys are: url, secretName or configMapName" }}
{{- end }}
{{- if and (gt (int $places) 0) (not (or $v.auth.jwks.issuer $v.auth.jwks.audience)) }}
{{- $problems = append $problems "auth.jwks: set issuer, audience or both; tokens that were made for other services would pass without" }}
{{- end }}
{{- if and $v.auth.apiKeys.existingSecret $v.auth.apiKeys.hashes }}
{{- $problems = append $problems "auth.apiKeys.hashes: the keys are in the Secret that existingSecret names; put these entries there" }}
{{- end }}
{{- $asked := or (include "tagwerk.keysSecret" .) (gt (int $places) 0) $v.tls.clientCa.enabled }}
{{- if and (not $asked) (not $v.auth.insecure) }}
{{- $problems = append $problems "auth: other pods could call, and nobody would be asked who they are. Set auth.apiKeys, auth.jwks or tls.clientCa; or auth.insecure=true, where the network policy or a proxy decides who reaches the port" }}
{{- end }}

{{- if and $v.tls.clientCa.enabled (not $v.tls.enabled) }}
{{- $problems = append $problems "tls.clientCa.enabled: callers can show a certificate over TLS only; set tls.enabled=true" }}
{{- end }}
{{- if $v.tls.enabled }}
{{- if and $v.tls.existingSecret $v.tls.certManager.issuerName }}
{{- $problems = append $problems "tls.certManager.issuerName: the certificate is in the Secret that tls.existingSecret names; set one of the two" }}
{{- end }}
{{- if not (or $v.tls.existingSecret $v.tls.certManager.issuerName) }}
{{- $problems = append $problems "tls.existingSecret: TLS needs a certificate; name a Secret, or an issuer of cert-manager as tls.certManager.issuerName" }}
{{- end }}
{{- range $probe := list "startup" "readiness" "liveness" }}
{{- if eq (get $v.probes $probe).type "grpc" }}
{{- $problems = append $problems (printf "probes.%s.type: the kubelet speaks gRPC in plain text only, and tls.enabled is true; set auto or http" $probe) }}
{{- end }}
{{- end }}
{{- end }}

{{- if and (eq $v.model.source "pvc") (not $v.model.pvc.claimName) }}
{{- $problems = append $problems "model.pvc.claimName: model.source is pvc; name the PersistentVolumeClaim" }}
{{- end }}
{{- $fetches := has $v.model.source (list "http" "oci") }}
{{- if $fetches }}
{{- if not $v.model.fetch.sha256 }}
{{- $problems = append $problems (printf "model.fetch.sha256: model.source is %s; give the SHA-256 of the archive" $v.model.source) }}
{{- end }}
{{- if and (eq $v.model.source "http") (not $v.model.fetch.http.url) }}
{{- $problems = append $problems "model.fetch.http.url: model.source is http; give the archive's URL" }}
{{- end }}
{{- if and (eq $v.model.source "oci") (not $v.model.fetch.oci.reference) }}
{{- $problems = append $problems "model.fetch.oci.reference: model.source is oci; name the artifact" }}
{{- end }}
{{- end }}
{{- if and (eq $v.model.source "image") (contains "/" $v.model.name) }}
{{- $problems = append $problems "model.name: give a name, not a path" }}
{{- end }}

{{- if and (not (dig "limits" "cpu" "" $v.resources)) (not $v.config.model.workers) }}
{{- $problems = append $problems "resources.limits.cpu: the server starts a worker for each CPU of the limit, and would take the node's without one; set it, or config.model.workers" }}
{{- end }}

{{- if and (ne $v.autoscaling.type "none") (gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) }}
{{- $problems = append $problems "autoscaling.minReplicas: is more than maxReplicas" }}
{{- end }}
{{- if and (eq $v.autoscaling.type "keda") (not $v.autoscaling.keda.serverAddress) }}
{{- $problems = append $problems "autoscaling.keda.serverAddress: autoscaling.type is keda; give the address of Prometheus" }}
{{- end }}
{{- if and (gt (int $v.autoscaling.cpuPercent) 0) (not (dig "requests" "cpu" "" $v.resources)) }}
{{- $problems = append $problems "autoscaling.cpuPercent: is a part of resources.requests.cpu; set that" }}
{{- end }}

{{- if $v.podDisruptionBudget.enabled }}
{{- $away := ne (toString $v.podDisruptionBudget.maxUnavailable) "" }}
{{- $there := ne (toString $v.podDisruptionBudget.minAvailable) "" }}
{{- if eq $away $there }}
{{- $problems = append $problems "podDisruptionBudget: set one of maxUnavailable and minAvailable, and the other to \"\"" }}
{{- end }}
{{- end }}
{{- if and (eq (toString $v.strategy.maxSurge | trimSuffix "%") "0") (eq (toString $v.strategy.maxUnavailable | trimSuffix "%") "0") }}
{{- $problems = append $problems "strategy: with maxSurge and maxUnavailable both 0 no pod can be replaced" }}
{{- end }}

{{- if ne $v.exposure.type "none" }}
{{- if not $v.exposure.hostnames }}
{{- $problems = append $problems "exposure.hostnames: give the names under which callers reach the service" }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $v.exposure.fromNamespace) }}
{{- $problems = append $problems "exposure.fromNamespace: the network policy would keep the gateway or ingress controller out; name the namespace of its pods" }}
{{- end }}
{{- if and (eq $v.exposure.type "gateway") (not $v.exposure.gateway.name) }}
{{- $problems = append $problems "exposure.gateway.name: exposure.type is gateway; name the Gateway" }}
{{- end }}
{{- if and (eq $v.exposure.type "gateway") $v.tls.enabled (not $v.exposure.gateway.backendCaConfigMap) }}
{{- $problems = append $problems "exposure.gateway.backendCaConfigMap: with tls.enabled the gateway must know the authority of the server's certificate; name a ConfigMap with ca.crt" }}
{{- end }}
{{- end }}

{{- if $v.networkPolicy.enabled }}
{{- if and $v.auth.jwks.url (not $v.networkPolicy.egress.jwks.to) }}
{{- $problems = append $problems "networkPolicy.egress.jwks.to: auth.jwks.url could not be reached; give the peers that serve it" }}
{{- end }}
{{- if and $fetches (not $v.networkPolicy.egress.model.to) }}
{{- $problems = append $problems "networkPolicy.egress.model.to: model.fetch could not reach the archive; give the peers that serve it" }}
{{- end }}
{{- if and (dig "trace" "endpoint" "" $v.config) (not $v.networkPolicy.egress.otlp.to) }}
{{- $problems = append $problems "networkPolicy.egress.otlp.to: config.trace.endpoint could not be reached; give the peers that serve it" }}
{{- end }}
{{- end }}

{{- if $v.worker.enabled }}
{{- range $field, $what := dict "url" "say where NATS is" "stream" "name the stream of requests" "output" "name the subject of the answers" "deadLetters" "name the subject of what cannot be tagged" }}
{{- if not (get $v.worker.nats $field) }}
{{- $problems = append $problems (printf "worker.nats.%s: worker.enabled is true; %s" $field $what) }}
{{- end }}
{{- end }}
{{- range $field := list "passwordKey" "tokenKey" "credentialsKey" "caKey" "certificateKey" "keyKey" }}
{{- if and (get $v.worker.nats $field) (not $v.worker.nats.secret) }}
{{- $problems = append $problems (printf "worker.nats.secret: worker.nats.%s names an entry of a Secret; name the Secret" $field) }}
{{- end }}
{{- end }}
{{- if and (not (dig "limits" "cpu" "" $v.worker.resources)) (not $v.config.model.workers) }}
{{- $problems = append $problems "worker.resources.limits.cpu: a thread of work is started for each CPU of the limit, and for each of the node without one; set it, or config.model.workers" }}
{{- end }}
{{- if and $v.worker.scaling.enabled (not $v.worker.scaling.monitoringEndpoint) }}
{{- $problems = append $problems "worker.scaling.monitoringEndpoint: KEDA asks NATS there how much waits; give host and port" }}
{{- end }}
{{- if and $v.worker.scaling.enabled (gt (int $v.worker.scaling.minReplicas) (int $v.worker.scaling.maxReplicas)) }}
{{- $problems = append $problems "worker.scaling.minReplicas: is more than maxReplicas" }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.egress.nats.to) }}
{{- $problems = append $problems "networkPolicy.egress.nats.to: worker.nats.url could not be reached; give the peers of NATS" }}
{{- end }}
{{- end }}

{{- if $problems }}
{{- fail (printf "\n\n%d problem(s) with the values:\n  %s\n" (len $problems) (join "\n  " $problems)) }}
{{- end }}
{{- end }}
