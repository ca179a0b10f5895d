/*
 * miniaudio's options, the same for every file that includes its header, because they change its structures. The audio
 * system's libraries are loaded at run time (MA_NO_RUNTIME_LINKING is not set), so no headers or linking are needed.
 * The null backend is excluded: a machine without a microphone must give an error, not silence.
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
