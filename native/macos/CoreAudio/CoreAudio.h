/*
 * The declarations of Core Audio that miniaudio needs, only for building sotto-mic for macOS on a system without the
 * SDK (native/build/cross-check.mjs). A Mac builds with Apple's own headers. Nothing is linked: miniaudio loads the
 * frameworks. Names, values and layouts are those of the system's stable ABI. With Apple's headers the compiler
 * generates the same code from native/mic/miniaudio.c; compare again when miniaudio is updated.
 */
#ifndef SOTTO_MACOS_COREAUDIO_H
#define SOTTO_MACOS_COREAUDIO_H

#include <AvailabilityMacros.h>
#include <MacTypes.h>

/* Core Foundation */
typedef signed long CFIndex;
typedef const void *CFTypeRef;
typedef const struct __CFString *CFStringRef;
typedef UInt32 CFStringEncoding;
enum : CFStringEncoding {
  kCFStringEncodingUTF8 = 0x8000100,
};

/* Core Audio's types */
typedef UInt32 AudioFormatID, AudioFormatFlags;
typedef UInt32 AudioChannelLabel, AudioChannelLayoutTag, AudioChannelBitmap, AudioChannelFlags;
typedef UInt32 SMPTETimeType, SMPTETimeFlags, AudioTimeStampFlags;

typedef struct {
  Float64 mSampleRate;
  AudioFormatID mFormatID;
  AudioFormatFlags mFormatFlags;
  UInt32 mBytesPerPacket, mFramesPerPacket, mBytesPerFrame, mChannelsPerFrame, mBitsPerChannel, mReserved;
} AudioStreamBasicDescription;

typedef struct {
  Float64 mMinimum, mMaximum;
} AudioValueRange;

typedef struct {
  AudioStreamBasicDescription mFormat;
  AudioValueRange mSampleRateRange;
} AudioStreamRangedDescription;

typedef struct {
  UInt32 mNumberChannels, mDataByteSize;
  void *mData;
} AudioBuffer;

typedef struct {
  UInt32 mNumberBuffers;
  AudioBuffer mBuffers[1];
} AudioBufferList;

typedef struct {
  AudioChannelLabel mChannelLabel;
  AudioChannelFlags mChannelFlags;
  Float32 mCoordinates[3];
} AudioChannelDescription;

typedef struct {
  AudioChannelLayoutTag mChannelLayoutTag;
  AudioChannelBitmap mChannelBitmap;
  UInt32 mNumberChannelDescriptions;
  AudioChannelDescription mChannelDescriptions[1];
} AudioChannelLayout;

/* The lower half of a tag is how many channels it has. */
#define AudioChannelLayoutTag_GetNumberOfChannels(tag) ((UInt32)((tag) & 0xffff))

typedef struct {
  SInt16 mSubframes, mSubframeDivisor;
  UInt32 mCounter;
  SMPTETimeType mType;
  SMPTETimeFlags mFlags;
  SInt16 mHours, mMinutes, mSeconds, mFrames;
} SMPTETime;

typedef struct {
  Float64 mSampleTime;
  UInt64 mHostTime;
  Float64 mRateScalar;
  UInt64 mWordClockTime;
  SMPTETime mSMPTETime;
  AudioTimeStampFlags mFlags;
  UInt32 mReserved;
} AudioTimeStamp;

/* The hardware's objects and their properties */
typedef UInt32 AudioObjectID, AudioDeviceID;
typedef UInt32 AudioObjectPropertySelector, AudioObjectPropertyScope, AudioObjectPropertyElement;

typedef struct {
  AudioObjectPropertySelector mSelector;
  AudioObjectPropertyScope mScope;
  AudioObjectPropertyElement mElement;
} AudioObjectPropertyAddress;

typedef OSStatus (*AudioObjectPropertyListenerProc)(AudioObjectID object, UInt32 count,
                                                    const AudioObjectPropertyAddress *addresses, void *data);

enum : OSStatus {
  kAudioDevicePermissionsError = '!hog',
  kAudioDeviceUnsupportedFormatError = '!dat',
  kAudioHardwareBadDeviceError = '!dev',
  kAudioHardwareBadObjectError = '!obj',
  kAudioHardwareBadPropertySizeError = '!siz',
  kAudioHardwareBadStreamError = '!str',
  kAudioHardwareIllegalOperationError = 'nope',
  kAudioHardwareNotRunningError = 'stop',
  kAudioHardwareUnknownPropertyError = 'who?',
  kAudioHardwareUnspecifiedError = 'what',
  kAudioHardwareUnsupportedOperationError = 'unop',
};

enum : UInt32 {
  kAudioChannelLabel_Ambisonic_W = 200,
  kAudioChannelLabel_Ambisonic_X = 201,
  kAudioChannelLabel_Ambisonic_Y = 202,
  kAudioChannelLabel_Ambisonic_Z = 203,
  kAudioChannelLabel_Center = 3,
  kAudioChannelLabel_CenterSurround = 9,
  kAudioChannelLabel_CenterSurroundDirect = 44,
  kAudioChannelLabel_ClickTrack = 304,
  kAudioChannelLabel_DialogCentricMix = 43,
  kAudioChannelLabel_Discrete = 400,
  kAudioChannelLabel_Discrete_0 = 0x10000,
  kAudioChannelLabel_Discrete_1 = 0x10001,
  kAudioChannelLabel_Discrete_10 = 0x1000a,
  kAudioChannelLabel_Discrete_11 = 0x1000b,
  kAudioChannelLabel_Discrete_12 = 0x1000c,
  kAudioChannelLabel_Discrete_13 = 0x1000d,
  kAudioChannelLabel_Discrete_14 = 0x1000e,
  kAudioChannelLabel_Discrete_15 = 0x1000f,
  kAudioChannelLabel_Discrete_2 = 0x10002,
  kAudioChannelLabel_Discrete_3 = 0x10003,
  kAudioChannelLabel_Discrete_4 = 0x10004,
  kAudioChannelLabel_Discrete_5 = 0x10005,
  kAudioChannelLabel_Discrete_6 = 0x10006,
  kAudioChannelLabel_Discrete_65535 = 0x1ffff,
  kAudioChannelLabel_Discrete_7 = 0x10007,
  kAudioChannelLabel_Discrete_8 = 0x10008,
  kAudioChannelLabel_Discrete_9 = 0x10009,
  kAudioChannelLabel_ForeignLanguage = 305,
  kAudioChannelLabel_HOA_ACN = 500,
  kAudioChannelLabel_HOA_ACN_0 = 0x20000,
  kAudioChannelLabel_HOA_ACN_1 = 0x20001,
  kAudioChannelLabel_HOA_ACN_10 = 0x2000a,
  kAudioChannelLabel_HOA_ACN_11 = 0x2000b,
  kAudioChannelLabel_HOA_ACN_12 = 0x2000c,
  kAudioChannelLabel_HOA_ACN_13 = 0x2000d,
  kAudioChannelLabel_HOA_ACN_14 = 0x2000e,
  kAudioChannelLabel_HOA_ACN_15 = 0x2000f,
  kAudioChannelLabel_HOA_ACN_2 = 0x20002,
  kAudioChannelLabel_HOA_ACN_3 = 0x20003,
  kAudioChannelLabel_HOA_ACN_4 = 0x20004,
  kAudioChannelLabel_HOA_ACN_5 = 0x20005,
  kAudioChannelLabel_HOA_ACN_6 = 0x20006,
  kAudioChannelLabel_HOA_ACN_65024 = 0x2fe00,
  kAudioChannelLabel_HOA_ACN_7 = 0x20007,
  kAudioChannelLabel_HOA_ACN_8 = 0x20008,
  kAudioChannelLabel_HOA_ACN_9 = 0x20009,
  kAudioChannelLabel_Haptic = 45,
  kAudioChannelLabel_HeadphonesLeft = 301,
  kAudioChannelLabel_HeadphonesRight = 302,
  kAudioChannelLabel_HearingImpaired = 40,
  kAudioChannelLabel_LFE2 = 37,
  kAudioChannelLabel_LFEScreen = 4,
  kAudioChannelLabel_Left = 1,
  kAudioChannelLabel_LeftCenter = 7,
  kAudioChannelLabel_LeftSurround = 5,
  kAudioChannelLabel_LeftSurroundDirect = 10,
  kAudioChannelLabel_LeftTotal = 38,
  kAudioChannelLabel_LeftWide = 35,
  kAudioChannelLabel_MS_Mid = 204,
  kAudioChannelLabel_MS_Side = 205,
  kAudioChannelLabel_Mono = 42,
  kAudioChannelLabel_Narration = 41,
  kAudioChannelLabel_RearSurroundLeft = 33,
  kAudioChannelLabel_RearSurroundRight = 34,
  kAudioChannelLabel_Right = 2,
  kAudioChannelLabel_RightCenter = 8,
  kAudioChannelLabel_RightSurround = 6,
  kAudioChannelLabel_RightSurroundDirect = 11,
  kAudioChannelLabel_RightTotal = 39,
  kAudioChannelLabel_RightWide = 36,
  kAudioChannelLabel_TopBackCenter = 17,
  kAudioChannelLabel_TopBackLeft = 16,
  kAudioChannelLabel_TopBackRight = 18,
  kAudioChannelLabel_TopCenterSurround = 12,
  kAudioChannelLabel_Unknown = 0xffffffff,
  kAudioChannelLabel_Unused = 0,
  kAudioChannelLabel_UseCoordinates = 100,
  kAudioChannelLabel_VerticalHeightCenter = 14,
  kAudioChannelLabel_VerticalHeightLeft = 13,
  kAudioChannelLabel_VerticalHeightRight = 15,
  kAudioChannelLabel_XY_X = 206,
  kAudioChannelLabel_XY_Y = 207,
  kAudioChannelLayoutTag_Ambisonic_B_Format = 0x6b0004,
  kAudioChannelLayoutTag_Binaural = 0x6a0002,
  kAudioChannelLayoutTag_Hexagonal = 0x6e0006,
  kAudioChannelLayoutTag_MatrixStereo = 0x670002,
  kAudioChannelLayoutTag_MidSide = 0x680002,
  kAudioChannelLayoutTag_Mono = 0x640001,
  kAudioChannelLayoutTag_Octagonal = 0x6f0008,
  kAudioChannelLayoutTag_Pentagonal = 0x6d0005,
  kAudioChannelLayoutTag_Quadraphonic = 0x6c0004,
  kAudioChannelLayoutTag_Stereo = 0x650002,
  kAudioChannelLayoutTag_StereoHeadphones = 0x660002,
  kAudioChannelLayoutTag_UseChannelBitmap = 0x10000,
  kAudioChannelLayoutTag_UseChannelDescriptions = 0,
  kAudioChannelLayoutTag_XY = 0x690002,
  kAudioDevicePropertyAvailableNominalSampleRates = 'nsr#',
  kAudioDevicePropertyBufferFrameSize = 'fsiz',
  kAudioDevicePropertyBufferFrameSizeRange = 'fsz#',
  kAudioDevicePropertyDeviceNameCFString = 'lnam',
  kAudioDevicePropertyDeviceUID = 'uid ',
  kAudioDevicePropertyNominalSampleRate = 'nsrt',
  kAudioDevicePropertyPreferredChannelLayout = 'srnd',
  kAudioDevicePropertyScopeInput = 'inpt',
  kAudioDevicePropertyScopeOutput = 'outp',
  kAudioDevicePropertyStreamConfiguration = 'slay',
  kAudioFormatFlagIsBigEndian = 2,
  kAudioFormatFlagIsNonInterleaved = 32,
  kAudioFormatLinearPCM = 'lpcm',
  kAudioHardwarePropertyDefaultInputDevice = 'dIn ',
  kAudioHardwarePropertyDefaultOutputDevice = 'dOut',
  kAudioHardwarePropertyDevices = 'dev#',
  kAudioObjectPropertyElementMain = 0,
  kAudioObjectPropertyScopeGlobal = 'glob',
  kAudioObjectPropertyScopeInput = 'inpt',
  kAudioObjectPropertyScopeOutput = 'outp',
  kAudioObjectSystemObject = 1,
  kAudioStreamPropertyAvailablePhysicalFormats = 'pfta',
  kAudioStreamPropertyAvailableVirtualFormats = 'sfma',
  kLinearPCMFormatFlagIsFloat = 1,
  kLinearPCMFormatFlagIsSignedInteger = 4,
  kLinearPCMFormatFlagIsAlignedHigh = 16,
};

#endif
