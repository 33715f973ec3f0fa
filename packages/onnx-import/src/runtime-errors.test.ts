import { expect, test } from 'vitest';
import { translateRuntimeError } from './runtime-errors.ts';

test('a missing locale is named', () => {
  const error = translateRuntimeError(
    new Error(
      'Exception during initialization: /onnxruntime_src/onnxruntime/core/providers/cpu/text/string_normalizer.cc:235 onnxruntime::StringNormalizer::Locale::Locale(const std::string&)::<lambda()> Failed to construct locale with name:en_US.UTF-8:locale::facet::_S_create_c_locale name not valid:Please, install necessary language-pack-XX and configure locales',
    ),
    'load',
  );
  expect(error.message).toContain(
    'a StringNormalizer uses the locale "en_US.UTF-8", which is not installed here',
  );
  expect(error.hint).toContain('set the attribute locale of the node to "C"');
});
