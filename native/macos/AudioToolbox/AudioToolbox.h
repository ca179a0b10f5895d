/* The declarations of audio units that miniaudio needs: see CoreAudio/CoreAudio.h. */
#ifndef SOTTO_MACOS_AUDIOTOOLBOX_H
#define SOTTO_MACOS_AUDIOTOOLBOX_H

#include <CoreAudio/CoreAudio.h>

typedef struct OpaqueAudioComponent *AudioComponent;
typedef struct ComponentInstanceRecord *AudioComponentInstance;
typedef AudioComponentInstance AudioUnit;
typedef UInt32 AudioUnitPropertyID, AudioUnitScope, AudioUnitElement, AudioUnitRenderActionFlags;

typedef struct {
  OSType componentType, componentSubType, componentManufacturer;
  UInt32 componentFlags, componentFlagsMask;
} AudioComponentDescription;

typedef OSStatus (*AURenderCallback)(void *data, AudioUnitRenderActionFlags *flags, const AudioTimeStamp *time,
                                     UInt32 bus, UInt32 frames, AudioBufferList *buffers);

typedef struct {
  AURenderCallback inputProc;
  void *inputProcRefCon;
} AURenderCallbackStruct;

typedef void (*AudioUnitPropertyListenerProc)(void *data, AudioUnit unit, AudioUnitPropertyID property,
                                              AudioUnitScope scope, AudioUnitElement element);

enum : SInt32 {
  kAudioUnitErr_TooManyFramesToProcess = -10874,
};

enum : UInt32 {
  kAudioOutputUnitProperty_CurrentDevice = 2000,
  kAudioOutputUnitProperty_EnableIO = 2003,
  kAudioOutputUnitProperty_IsRunning = 2001,
  kAudioOutputUnitProperty_SetInputCallback = 2005,
  kAudioUnitManufacturer_Apple = 'appl',
  kAudioUnitProperty_AudioChannelLayout = 19,
  kAudioUnitProperty_MaximumFramesPerSlice = 14,
  kAudioUnitProperty_SetRenderCallback = 23,
  kAudioUnitProperty_StreamFormat = 8,
  kAudioUnitScope_Global = 0,
  kAudioUnitScope_Input = 1,
  kAudioUnitScope_Output = 2,
  kAudioUnitSubType_HALOutput = 'ahal',
  kAudioUnitType_Output = 'auou',
};

#endif
