/*
 * Options of miniaudio, the same for each file that includes its header: they change its structures. The sound systems'
 * libraries are loaded at run time (MA_NO_RUNTIME_LINKING is not set), so neither their headers nor a link to them is needed.
 * The null backend is left out: a machine without a microphone must get an error, not silence.
 */
#ifndef SOTTO_MINIAUDIO_CONFIG_H
#define SOTTO_MINIAUDIO_CONFIG_H

#define MA_NO_DECODING
#define MA_NO_ENCODING
#define MA_NO_GENERATION
#define MA_NO_RESOURCE_MANAGER
#define MA_NO_NODE_GRAPH
#define MA_NO_ENGINE
#define MA_ENABLE_ONLY_SPECIFIC_BACKENDS
#define MA_ENABLE_COREAUDIO
#define MA_ENABLE_PULSEAUDIO
#define MA_ENABLE_ALSA
#define MA_ENABLE_CUSTOM

#endif
