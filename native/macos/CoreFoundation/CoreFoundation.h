// What Metal's headers for C++ take of Core Foundation: for building on a system without Apple's SDK.
#pragma once

typedef double CFTimeInterval;  // seconds
