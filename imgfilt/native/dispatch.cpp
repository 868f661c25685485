#include "dispatch.hpp"

#include <cstdlib>
#include <stdexcept>

// Each level's objects export one function per kernel file; a macro keeps the three lists in step.
#define IMGFILT_DECLARE(isa)                                                 \
    extern "C" const imgfilt::RowKernels* row_kernels_##isa();               \
    extern "C" const imgfilt::AreaKernels* area_kernels_##isa();             \
    extern "C" const imgfilt::BoxKernels* box_kernels_##isa();               \
    extern "C" const imgfilt::TransposedKernels* transposed_kernels_##isa(); \
    extern "C" const imgfilt::BankKernels* bank_kernels_##isa();             \
    extern "C" const imgfilt::FourierKernels* fft_kernels_##isa();           \
    extern "C" const imgfilt::ProbeKernels* probe_kernels_##isa();

#if defined(__x86_64__) || defined(_M_X64)
IMGFILT_DECLARE(v2)
IMGFILT_DECLARE(v3)
IMGFILT_DECLARE(v4)
#else
IMGFILT_DECLARE(base)
#endif

namespace imgfilt {
namespace {

std::vector<Kernels> supported() {
    std::vector<Kernels> found;
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))
        found.push_back({"v2", row_kernels_v2(), area_kernels_v2(), box_kernels_v2(), transposed_kernels_v2(),
                         bank_kernels_v2(), fft_kernels_v2(), probe_kernels_v2()});
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        found.push_back({"v3", row_kernels_v3(), area_kernels_v3(), box_kernels_v3(), transposed_kernels_v3(),
                         bank_kernels_v3(), fft_kernels_v3(), probe_kernels_v3()});
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        found.push_back({"v4", row_kernels_v4(), area_kernels_v4(), box_kernels_v4(), transposed_kernels_v4(),
                         bank_kernels_v4(), fft_kernels_v4(), probe_kernels_v4()});
#else
    found.push_back({"base", row_kernels_base(), area_kernels_base(), box_kernels_base(), transposed_kernels_base(),
                     bank_kernels_base(), fft_kernels_base(), probe_kernels_base()});
#endif
    return found;
}

Kernels choose() {
    const std::vector<Kernels> found = supported();
    if (found.empty()) throw std::runtime_error("imgfilt needs a processor with SSE4.2 (x86-64-v2) or newer");
    const char* wanted = std::getenv("IMGFILT_ISA");
    if (wanted == nullptr || *wanted == '\0') return found.back();
    std::string names;
    for (const Kernels& k : found) {
        if (std::string(wanted) == k.name) return k;
        names += names.empty() ? k.name : std::string(", ") + k.name;
    }
    throw std::runtime_error("IMGFILT_ISA='" + std::string(wanted) + "' is not one of " + names +
                             ", the instruction sets of this processor");
}

}  // namespace

const Kernels& kernels() {
    static const Kernels chosen = choose();
    return chosen;
}

std::vector<std::string> supported_isas() {
    std::vector<std::string> names;
    for (const Kernels& k : supported()) names.emplace_back(k.name);
    return names;
}

}  // namespace imgfilt
