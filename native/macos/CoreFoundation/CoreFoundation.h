// The part of Core Foundation that Metal's C++ headers need, for building without Apple's SDK.
#pragma once

typedef double CFTimeInterval;  // seconds
