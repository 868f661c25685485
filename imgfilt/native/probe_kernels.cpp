// The probe of one instruction set (IMGFILT_ISA). Everything else has internal linkage.
#include "probe_kernels.hpp"

#include "simd.hpp"

namespace {

constexpr int kChains = 12;  // enough for two units of a latency of 4 to 5, and they fit 16 registers with two factors
constexpr int kLanes = VectorOf<float>::lanes;

float multiply_add(const float* seeds, int64_t turns) {
    const Vec<float> a = Vec<float>{} + seeds[0], b = Vec<float>{} + seeds[1];
    Vec<float> sums[kChains];
    for (int i = 0; i < kChains; ++i) sums[i] = Vec<float>{} + seeds[2 + i];
    for (int64_t n = 0; n < turns; ++n)
        for (int i = 0; i < kChains; ++i) sums[i] = fused(a, b, sums[i]);
    Vec<float> all = sums[0];
    for (int i = 1; i < kChains; ++i) all += sums[i];
    float total = 0;
    for (int i = 0; i < kLanes; ++i) total += all[i];
    return total;
}

constexpr imgfilt::ProbeKernels kTable = {int64_t{kChains} * kLanes, multiply_add};
static_assert(kChains + 2 <= imgfilt::kProbeSeeds);

}  // namespace

#define IMGFILT_PASTE_(a, b) a##b
#define IMGFILT_PASTE(a, b) IMGFILT_PASTE_(a, b)

extern "C" const imgfilt::ProbeKernels* IMGFILT_PASTE(probe_kernels_, IMGFILT_ISA)();
extern "C" const imgfilt::ProbeKernels* IMGFILT_PASTE(probe_kernels_, IMGFILT_ISA)() { return &kTable; }
