/* The system's devices: Core Audio on macOS, PulseAudio (also PipeWire) or ALSA on Linux. */
#include "backend.h"

ma_result backend_init(ma_context *context) {
  const ma_backend backends[] = {ma_backend_coreaudio, ma_backend_pulseaudio, ma_backend_alsa};
  ma_context_config config = ma_context_config_init();
  config.pulse.pApplicationName = "Sotto";
  return ma_context_init(backends, sizeof(backends) / sizeof(backends[0]), &config, context);
}

#ifdef __APPLE__
#include <dlfcn.h>

/*
 * [AVCaptureDevice authorizationStatusForMediaType:AVMediaTypeAudio] without AVFoundation's headers: without
 * permission, Core Audio delivers zeros and no error.
 */
permission backend_permission(void) {
  enum { NOT_DETERMINED, RESTRICTED, DENIED, AUTHORIZED };
  void *framework = dlopen("/System/Library/Frameworks/AVFoundation.framework/AVFoundation", RTLD_LAZY);
  void *runtime = dlopen("/usr/lib/libobjc.A.dylib", RTLD_LAZY);
  if (framework == NULL || runtime == NULL) return PERMISSION_UNKNOWN;
  void *(*get_class)(const char *) = (void *(*)(const char *))dlsym(runtime, "objc_getClass");
  void *(*get_selector)(const char *) = (void *(*)(const char *))dlsym(runtime, "sel_registerName");
  long (*send)(void *, void *, void *) = (long (*)(void *, void *, void *))dlsym(runtime, "objc_msgSend");
  void **audio = (void **)dlsym(framework, "AVMediaTypeAudio");
  if (get_class == NULL || get_selector == NULL || send == NULL || audio == NULL) return PERMISSION_UNKNOWN;
  void *device = get_class("AVCaptureDevice");
  if (device == NULL) return PERMISSION_UNKNOWN;
  switch (send(device, get_selector("authorizationStatusForMediaType:"), *audio)) {
    case RESTRICTED:
    case DENIED:
      return PERMISSION_DENIED;
    case AUTHORIZED:
      return PERMISSION_GRANTED;
    case NOT_DETERMINED:
    default:
      return PERMISSION_UNKNOWN;
  }
}
#else
permission backend_permission(void) { return PERMISSION_UNKNOWN; }
#endif
